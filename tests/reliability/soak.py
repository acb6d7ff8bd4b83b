"""Runs the daemon for long among churn, namespaces that come and go, reloads and hostile clients.

usage: python -m tests.reliability.soak [SECONDS]     as root; an hour

Prints its memory, descriptors and threads over time, and fails where one of them grows.
"""

import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.exporter_process import Exporter, running_exporter
from tests.faults.processes import SUCCESS, state_of
from tests.lab import open_lab
from tests.network_namespace import network_namespace
from tests.other_namespaces import inside, ip_netns
from tests.reliability.churn import compiled
from tests.reliability.hostile import attack

FLAGS = ("--sample.interval=1s", "--collector.netns", "--netns.include=tcp-pressure-.*")
WORKERS, RATE, TIME_WAIT_PERCENT, DESTINATIONS = 1, 200, 50, 100
PARTS = 5  # of the time; the first is warm-up
ROOM_KB = 1024  # malloc's and Python's own arenas move by less


class Size(NamedTuple):
    """What the daemon takes at one moment."""

    resident_kb: int
    descriptors: int
    threads: int


class Part(NamedTuple):
    """A part of the time: the median of the memory, the least descriptors, the most threads."""

    resident_kb: float
    descriptors: int
    threads: int


class Soaked(NamedTuple):
    """What came of it. failed: samples in which a collector failed."""

    seconds: float
    parts: list[Part]
    scrapes: int
    failed: int
    log: str


def run(seconds: float) -> Soaked:
    """Run the daemon for so long."""
    sizes: list[Size] = []
    failed = 0
    with tempfile.TemporaryDirectory() as name, network_namespace(), ExitStack() as stack:
        folder = Path(name)
        config = folder / "config.yml"
        config.write_text("pools: {top: 10}\n")
        log = folder / "log"
        exporter = stack.enter_context(running_exporter(log, f"--config.file={config}", *FLAGS))
        stack.enter_context(_churn(compiled(folder), seconds))
        stack.enter_context(_repeated(lambda _number: _come_and_go(), 2.0))
        stack.enter_context(_repeated(lambda number: attack(exporter.port, number), 0.5))
        stack.enter_context(_repeated(lambda _number: exporter.signal(signal.SIGHUP), 10.0))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            failed += _scrape(exporter)
            sizes.append(size_of(exporter.process.pid))
            time.sleep(1.0)
        text = log.read_text()
    return Soaked(seconds, _parts(sizes), len(sizes), failed, text)


def check(soaked: Soaked) -> Iterator[str]:
    """Yield what was seen; raises AssertionError where the daemon grew or failed."""
    yield f"{soaked.seconds:.0f} s, {soaked.scrapes} scrapes"
    for number, part in enumerate(soaked.parts, 1):
        yield (
            f"part {number}: RSS {part.resident_kb / 1024:.1f} MiB,"
            f" {part.descriptors} descriptors, {part.threads} threads"
        )
    _warm_up, before, *_between, last = soaked.parts
    assert last.resident_kb <= before.resident_kb + ROOM_KB, "memory grows"
    assert last.descriptors <= before.descriptors, "descriptors are left open"
    assert last.threads <= before.threads, "threads are left over"
    assert soaked.failed == 0, soaked.log
    assert "level=error" not in soaked.log, soaked.log


@contextmanager
def _churn(program: Path, seconds: float) -> Iterator[None]:
    numbers = (WORKERS, RATE, TIME_WAIT_PERCENT, DESTINATIONS, seconds)
    command = [str(program), *map(str, numbers)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


@contextmanager
def _repeated(act: Callable[[int], object], seconds: float) -> Iterator[None]:
    """Do something again and again on a thread, with a pause."""
    stop = threading.Event()

    def run() -> None:
        number = 0
        while not stop.wait(seconds):
            act(number)
            number += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _come_and_go() -> None:
    """Make a namespace that is busy enough to be sampled, and let it go again."""
    with ip_netns() as name, ExitStack() as stack:
        with inside(name):
            lab = stack.enter_context(open_lab())
            for _ in range(30):
                lab.connect("127.0.0.9")
        time.sleep(2.5)


def _scrape(exporter: Exporter) -> bool:
    """Scrape; tell whether a collector of the own namespace failed."""
    page = state_of(exporter).page
    exporter.get("/")
    return any(success == "0" for _name, success in SUCCESS.findall(page))


def size_of(pid: int) -> Size:
    """Return what a process takes now."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return Size(
        int(status["VmRSS"].split()[0]),
        len(list(Path(f"/proc/{pid}/fd").iterdir())),
        int(status["Threads"]),
    )


def _parts(sizes: list[Size]) -> list[Part]:
    length = len(sizes) // PARTS
    assert length, "too short a time"
    parts = (sizes[start * length : (start + 1) * length] for start in range(PARTS))
    return [
        Part(
            median(size.resident_kb for size in part),
            min(size.descriptors for size in part),
            max(size.threads for size in part),
        )
        for part in parts
    ]


def main() -> None:
    """Run as long as the argument says."""
    for line in check(run(float(sys.argv[1]) if len(sys.argv) > 1 else 3600.0)):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
