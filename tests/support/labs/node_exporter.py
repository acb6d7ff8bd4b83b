"""A real node_exporter with only its textfile collector, asked for one page."""

import http.client
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path

from tests.support.places import TOOLS

PROGRAM = TOOLS / "prometheus-node-exporter"
FLAGS = ("--collector.disable-defaults", "--collector.textfile")
START_SECONDS = 10.0


def textfile_page(folder: Path, query: str = "", *more: str) -> tuple[int, str]:
    """Return the status and the body of /metrics; the folder's *.prom files are part of it.

    query: of the request. more: further flags, such as other collectors.
    """
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    address = f"--web.listen-address=127.0.0.1:{port}"
    flags = (*FLAGS, *more, f"--collector.textfile.directory={folder}", address)
    with subprocess.Popen((PROGRAM, *flags), stderr=subprocess.DEVNULL) as process:
        try:
            _wait_until_listening(port, process)
            return _page(port, query)
        finally:
            process.kill()


def _wait_until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    with socket.socket() as client:
        while client.connect_ex(("127.0.0.1", port)) != 0:
            assert process.poll() is None, "node_exporter ended"
            assert time.monotonic() < deadline, "node_exporter did not start"
            time.sleep(0.02)


def _page(port: int, query: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", f"/metrics?{query}")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
