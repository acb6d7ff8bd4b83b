"""The daemon while what it looks at vanishes midway: processes, their sockets, namespaces."""

import socket
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.faults.processes import FAILURES, lines_since, wait_until_well
from tests.support.labs.exporter_process import running_exporter
from tests.support.labs.lab import open_lab
from tests.support.labs.meanwhile import meanwhile
from tests.support.labs.other_namespaces import inside, ip_netns

ROUNDS = 25
FLAGS = (
    "--sample.interval=100ms",
    "--sample.max-cpu=1",
    "--collector.netns",
    "--netns.include=tcp-pressure-.*",
)


def short_life() -> None:
    """Make a namespace live as long as its process, some milliseconds."""
    subprocess.run(["unshare", "-n", "sleep", "0.02"], check=True)


def stuck_and_gone() -> None:
    """Make a process leave ten sockets in CLOSE_WAIT, and end while their owner is looked for."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        port = server.getsockname()[1]
        opening = ";".join(f"exec {fd}<>/dev/tcp/127.0.0.1/{port}" for fd in range(3, 9))
        with subprocess.Popen(["bash", "-c", f"{opening}; sleep 0.1"]):
            for _ in range(6):
                server.accept()[0].close()


def busy_and_gone() -> None:
    """Make a namespace worth sampling, and drop it at once."""
    with ip_netns() as name, inside(name), ExitStack() as stack:
        lab = stack.enter_context(open_lab())
        for _ in range(30):
            lab.connect("127.0.0.9")


def test_everything_vanishes(log: Path) -> None:
    """Whatever vanishes while looked at costs no part of a sample and leaves nothing behind."""
    with running_exporter(log, *FLAGS) as exporter:
        before = wait_until_well(exporter)
        held = descriptors(exporter.process.pid)
        with meanwhile(short_life), meanwhile(stuck_and_gone):
            for _ in range(ROUNDS):
                busy_and_gone()
                exporter.metrics()
        after = wait_until_well(exporter)
        assert after.value(FAILURES) == before.value(FAILURES), log.read_text()
        while descriptors(exporter.process.pid) > held:
            wait_until_well(exporter)
    assert not lines_since(exporter, 0, "level=error")
    assert "Traceback" not in log.read_text()


def descriptors(pid: int) -> int:
    with suppress(FileNotFoundError):
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return 0
