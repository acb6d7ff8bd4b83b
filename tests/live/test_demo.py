"""`make demo`: it starts real parts, says where they are, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

from deploy.demo.inside import counted
from deploy.demo.stack import ROOT

DEMO = (sys.executable, "-m", "deploy.demo")
ADDRESS = re.compile(
    r"^(exporter|Prometheus|Alertmanager) +http://127\.0\.0\.1:(\d+)/", re.MULTILINE
)
PATIENCE_SECONDS = 30.0


def wait_for(text: str, output: Path) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while text not in (seen := output.read_text()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.1)
    return seen


def status(port: str, path: str) -> int:
    """Return the status of one request, as soon as something is listening."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        connection = HTTPConnection("127.0.0.1", int(port), timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        finally:
            connection.close()


def wait_for_the_end_of_all(session: int) -> None:
    """Wait until the session has no process; one that was just starting ends after the rest."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while subprocess.run(["ps", "-s", str(session)], check=False).returncode == 0:
        assert time.monotonic() < deadline, "a process outlives Ctrl-C"
        time.sleep(0.1)


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    """Exporter, Prometheus and Alertmanager answer where it says, until Ctrl-C ends them all."""
    output = tmp_path / "output"
    with output.open("wb") as file:
        demo = subprocess.Popen(DEMO, cwd=ROOT, stdout=file, stderr=file, start_new_session=True)
    try:
        ports = dict(ADDRESS.findall(wait_for("serving metrics", output)))
        for name in ("exporter", "Prometheus", "Alertmanager"):
            assert status(ports[name], "/-/healthy") == 200
    finally:
        os.killpg(demo.pid, signal.SIGINT)
        try:
            code = demo.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(demo.pid, signal.SIGKILL)
            raise
    assert code == 0
    assert "Traceback" not in output.read_text()
    wait_for_the_end_of_all(demo.pid)


def test_what_was_counted() -> None:
    """The story says who was refused how many connections, or that they are not counted here."""
    proxy = {"process": "python", "remote_address": "127.0.0.9", "port": "8080", "calls": 418}
    rest = {"process": "", "remote_address": "", "port": "", "calls": 2}
    told = counted({"namespaces": [{"refused": {"calls": 420, "listed": [proxy, rest]}}]})
    assert told == "the exporter counted 420: python 418, to 127.0.0.9:8080; others 2"
    assert "would count" in counted({"namespaces": [{"refused": None}]})


def test_neither_root_nor_user_namespaces(tmp_path: Path) -> None:
    """If no network namespace is available, one line says so."""
    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\nexit 1\n")
    refusing.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    demo = subprocess.run(
        DEMO, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert demo.returncode == 1
    assert demo.stdout == ""
    assert demo.stderr == "demo: needs root, or user namespaces: unshare(1) was refused\n"
