"""Runs the daemon for a long time, with TLS, churn, namespaces, reloads and hostile clients.

usage: python -m tests.reliability.soak [SECONDS] [--write]     as root; an hour

Reports its memory, descriptors and threads about once a minute on stderr; prints them over time,
and fails if any of them grows.
"""

import base64
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import bcrypt

from tests.faults.processes import state_of
from tests.reliability.churn import compiled
from tests.reliability.hostile import attack
from tests.reliability.process_size import Part, Size, parts_of, rss_by_parts, size_of
from tests.reliability.results import Figure, keep, split_write
from tests.support.labs.certificates import Authority
from tests.support.labs.exporter_process import Access, Exporter, running_exporter
from tests.support.labs.lab import open_lab
from tests.support.labs.meanwhile import meanwhile
from tests.support.labs.network_namespace import network_namespace
from tests.support.labs.other_namespaces import inside, ip_netns

FLAGS = ("--sample.interval=1s", "--collector.netns", "--netns.include=tcp-pressure-.*")
WORKERS, RATE, TIME_WAIT_PERCENT, DESTINATIONS = 1, 200, 50, 100
PASSWORD = "soaked"  # noqa: S105 - for this run's own daemon
PROGRESS_SCRAPES = 60
LEAVING_SECONDS = 20.0  # above the deadlines in web/limits.py, except for an idle connection
ROOM_KB = 1024  # malloc's and Python's own arenas move by less


class Soaked(NamedTuple):
    """The result. failed: scrapes that showed a failed collector.

    before, after: the daemon with nobody near it.
    """

    seconds: float
    before: Size
    parts: list[Part]
    after: Size
    scrapes: int
    failed: int
    log: str


def run(seconds: float) -> Soaked:
    """Run the daemon for that long."""
    with tempfile.TemporaryDirectory() as name, network_namespace():
        folder = Path(name)
        config, log = folder / "config.yml", folder / "log"
        config.write_text("pools: {top: 10}\n")
        flags = (f"--config.file={config}", f"--web.config.file={folder / 'web.yml'}", *FLAGS)
        with running_exporter(log, *flags, access=_protect(folder)) as exporter:
            before = size_of(exporter.process.pid)
            with _company(exporter, folder, seconds):
                sizes, failed = _watch(exporter, seconds)
            after = _left_alone(exporter, before)
        text = log.read_text()
    return Soaked(seconds, before, parts_of(sizes), after, len(sizes), failed, text)


@contextmanager
def _company(exporter: Exporter, folder: Path, seconds: float) -> Iterator[None]:
    """Keep churn, namespaces, hostile clients and reloads going around the daemon."""
    numbers = count()
    with (
        _churn(compiled(folder), seconds),
        meanwhile(_come_and_go, 2.0),
        meanwhile(lambda: attack(exporter.port, next(numbers)), 0.5),
        meanwhile(lambda: exporter.signal(signal.SIGHUP), 10.0),
    ):
        yield


def _watch(exporter: Exporter, seconds: float) -> tuple[list[Size], int]:
    """Scrape and measure for that long; return the sizes and how many scrapes showed a failure."""
    sizes: list[Size] = []
    failed = 0
    begin = time.monotonic()
    while (elapsed := time.monotonic() - begin) < seconds:
        failed += _scrape(exporter)
        sizes.append(size_of(exporter.process.pid))
        if len(sizes) % PROGRESS_SCRAPES == 0:
            sys.stderr.write(f"{elapsed:6.0f} s: {_told(sizes[-1])}\n")
        time.sleep(1.0)
    return sizes, failed


def _left_alone(exporter: Exporter, before: Size) -> Size:
    """Return the daemon's size once everyone has gone and all deadlines have passed."""
    end = time.monotonic() + LEAVING_SECONDS
    while (size := size_of(exporter.process.pid)).descriptors > before.descriptors:
        if time.monotonic() > end:
            break
        time.sleep(0.2)
    return size


def _protect(folder: Path) -> Access:
    """Write a web configuration with TLS and a user; return how that user gets in."""
    authority = Authority(folder)
    authority.sign("server")
    password = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (folder / "web.yml").write_text(
        "tls_server_config: {cert_file: server.pem, key_file: server.key}\n"
        f"basic_auth_users: {{prometheus: {password}}}\n"
    )
    credentials = base64.b64encode(f"prometheus:{PASSWORD}".encode()).decode()
    context = ssl.create_default_context(cafile=str(authority.cert))
    return Access(context, {"Authorization": f"Basic {credentials}"})


def check(soaked: Soaked) -> Iterator[str]:
    """Yield what was seen; raises AssertionError if the daemon grew or failed."""
    yield f"{soaked.seconds:.0f} s, {soaked.scrapes} scrapes"
    for number, part in enumerate(soaked.parts, 1):
        yield f"part {number}: {_told(part)}"
    yield f"alone: {soaked.before.descriptors} descriptors before, {soaked.after.descriptors} after"
    _warm_up, early, *_between, late = soaked.parts
    assert late.resident_kb <= early.resident_kb + ROOM_KB, "memory grows"
    assert late.threads <= early.threads, "threads are left over"
    assert soaked.after.descriptors <= soaked.before.descriptors, "descriptors are left open"
    assert soaked.failed == 0, soaked.log
    assert "level=error" not in soaked.log, soaked.log


def figures_of(soaked: Soaked) -> dict[str, Figure]:
    """Return what is kept of a run."""
    return {
        "scrapes": soaked.scrapes,
        "rss_mb": rss_by_parts(soaked.parts),
        "threads": max(part.threads for part in soaked.parts),
        "descriptors_before": soaked.before.descriptors,
        "descriptors_after": soaked.after.descriptors,
    }


def _told(size: Size | Part) -> str:
    return (
        f"RSS {size.resident_kb / 1024:.1f} MiB,"
        f" {size.descriptors} descriptors, {size.threads} threads"
    )


@contextmanager
def _churn(program: Path, seconds: float) -> Iterator[None]:
    numbers = (WORKERS, RATE, TIME_WAIT_PERCENT, DESTINATIONS, seconds)
    command = [str(program), *map(str, numbers)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def _come_and_go() -> None:
    """Make a namespace that is busy enough to be sampled, and let it go again."""
    with ip_netns() as name, ExitStack() as stack:
        with inside(name):
            lab = stack.enter_context(open_lab())
            for _ in range(30):
                lab.connect("127.0.0.9")
        time.sleep(2.5)


def _scrape(exporter: Exporter) -> bool:
    """Scrape; tell whether a collector failed while others worked.

    All of them fail at once if the newest sample is too old, on a host without free CPU.
    """
    state = state_of(exporter)
    exporter.get("/")
    return bool(state.failing and state.working)


def main() -> None:
    """Run as long as the argument says."""
    arguments, write = split_write(sys.argv[1:])
    soaked = run(float(arguments[0]) if arguments else 3600.0)
    for line in check(soaked):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    if write:
        keep("soak", f"{soaked.seconds:,.0f} s", figures_of(soaked))


if __name__ == "__main__":
    main()
