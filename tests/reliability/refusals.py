"""Checks BPF's counts against the programs that cause them, under churn, and the daemon's size.

usage: python -m tests.reliability.refusals [SECONDS [RATE]] [--write]     as root; 600 s, 30,000
a second

In a separate network namespace, connections come and go while the kernel refuses connect() to more
destinations than its table has rows. A collector that counts something else that these programs do
is one line in COUNTED.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.faults.processes import shown_on
from tests.reliability.churn import SETTINGS, compiled
from tests.reliability.churn_record import SERIES, seen_on
from tests.reliability.process_size import Size, parts_of, rss_by_parts, size_of
from tests.reliability.results import Figure, keep, split_write
from tests.reliability.scraping import Scrape, scraping
from tests.support.labs.exporter_process import Exporter, running_exporter
from tests.support.labs.network_namespace import network_namespace, set_sysctl

SOURCE = Path(__file__).with_name("refused.c")
FLAGS = ("--sample.interval=1s", "--no-collector.nat")
WORKERS, TIME_WAIT_PERCENT, DESTINATIONS = 2, 10, 200
REFUSALS_PER_SECOND, REFUSING_DESTINATIONS = 2_000, 6_000  # the table has 4,096 rows
FAILURES = "tcp_pressure_connect_failures_total"
LISTED, UNLISTED = "tcp_pressure_port_failure_owner_total", "tcp_pressure_unlisted_port_failures"
ROOM_KB = 1024  # malloc's and Python's own arenas move by less
PROGRESS_SCRAPES = 60


class Done(NamedTuple):
    """What the programs have done in total."""

    seconds: float
    connections: int
    time_waits: int
    no_port: int
    port_taken: int


# Series whose sum must have risen by what was done, once everything has stopped.
COUNTED: Mapping[str, Callable[[Done], int]] = {
    r'connect_failures_total{cause="no_port"': lambda done: done.no_port,
    r'connect_failures_total{cause="port_taken"': lambda done: done.port_taken,
    r'pool_active_closes_total{direction="outbound"': lambda done: done.time_waits,
}


@dataclass
class Seen:
    """What was seen of one run. failing: scrapes that showed a failed collector.

    totals, parts: for each scrape, all failures, and the listed and unlisted ones together.
    settled: how much each of COUNTED has risen in the end.
    """

    sizes: list[Size] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    parts: list[float] = field(default_factory=list)
    failing: int = 0
    settled: Mapping[str, float] = field(default_factory=dict)
    log: str = ""


def run(seconds: float, rate: float) -> tuple[Done, Seen]:
    """Load a namespace for that long; return what was done there, and what the daemon showed."""
    seen = Seen()
    with tempfile.TemporaryDirectory() as name, network_namespace():
        folder = Path(name)
        for setting, value in SETTINGS.items():
            set_sysctl(setting, value)
        churn, refused = compiled(folder), _compiled_refused(folder)
        with running_exporter(folder / "log", *FLAGS) as exporter, scraping(exporter) as scrape:
            before = _next_counted(scrape)
            churning = [churn, WORKERS, rate, TIME_WAIT_PERCENT, DESTINATIONS, seconds]
            refusing = [refused, REFUSALS_PER_SECOND, REFUSING_DESTINATIONS, seconds]
            with _working(churning) as churned, _working(refusing) as refusals:
                _watch(exporter, scrape, seconds, seen)
            done = _done(seconds, churned[-1], refusals[-1])
            seen.settled = _settled(scrape, before, done)
        seen.log = (folder / "log").read_text()
    return done, seen


def _compiled_refused(folder: Path) -> Path:
    program = folder / "refused"
    subprocess.run(
        ["cc", "-O2", "-Wall", "-Wextra", "-std=gnu17", "-o", program, SOURCE], check=True
    )
    return program


@contextmanager
def _working(command: list[object]) -> Iterator[list[str]]:
    """Run a program until it ends by itself; its lines are there then."""
    lines: list[str] = []
    pipe = subprocess.PIPE
    with tempfile.TemporaryFile("w+") as output:
        arguments = [str(word) for word in command]
        with subprocess.Popen(arguments, stdin=pipe, stdout=output, text=True) as process:
            try:
                yield lines
                assert process.wait(60) == 0, command
            finally:
                process.kill()
        output.seek(0)
        lines += output.read().splitlines()


def _done(seconds: float, churned: str, refused: str) -> Done:
    _moment, connections, time_waits = churned.split()
    no_port, port_taken = refused.split()
    return Done(seconds, int(connections), int(time_waits), int(no_port), int(port_taken))


def _watch(exporter: Exporter, scrape: Scrape, seconds: float, seen: Seen) -> None:
    begin = time.monotonic()
    while (elapsed := time.monotonic() - begin) < seconds:
        state = shown_on(scrape(), ready=True)
        seen.failing += bool(state.failing and state.working)
        # On a host without free CPU the newest sample may be too old to be shown.
        if state.has(FAILURES):
            seen.totals.append(_sum(state.page, FAILURES))
            seen.parts.append(_sum(state.page, LISTED) + _sum(state.page, UNLISTED))
        seen.sizes.append(size_of(exporter.process.pid))
        if seen.totals and len(seen.sizes) % PROGRESS_SCRAPES == 0:
            sys.stderr.write(f"{elapsed:6.0f} s: {seen.sizes[-1]}, {seen.totals[-1]:,.0f}\n")
        time.sleep(1.0)


def _sum(page: str, metric: str) -> float:
    return sum(float(value) for name, _labels, value in SERIES.findall(page) if metric in name)


def _counted(page: str) -> Mapping[str, float]:
    lines = [(f"{name}{{{labels}", float(value)) for name, labels, value in SERIES.findall(page)]
    return {part: sum(value for line, value in lines if part in line) for part in COUNTED}


def _next_counted(scrape: Scrape) -> Mapping[str, float]:
    """Return what is counted in a sample that began after this call."""
    called = time.monotonic()
    while seen_on(page := scrape()).moment < called:
        time.sleep(0.1)
    return _counted(page)


def _settled(scrape: Scrape, before: Mapping[str, float], done: Done) -> Mapping[str, float]:
    """Return how much the series have risen, once that is enough, or after many samples."""
    end = time.monotonic() + 30
    while True:
        risen = {part: count - before[part] for part, count in _counted(scrape()).items()}
        if time.monotonic() > end or risen == {part: of(done) for part, of in COUNTED.items()}:
            return risen
        time.sleep(0.2)


def check_counts(done: Done, seen: Seen) -> Iterator[str]:
    """Yield what was seen; raises AssertionError if anything was lost, or a part failed."""
    yield (
        f"{done.seconds:.0f} s, {done.connections:,} connections,"
        f" {done.connections / done.seconds:,.0f} a second; {len(seen.sizes)} scrapes"
    )
    for series, of in COUNTED.items():
        assert seen.settled[series] == of(done), (series, seen.settled[series], done)
        yield f"{series}: {of(done):,} of {of(done):,}"
    assert seen.totals == sorted(seen.totals), seen.totals
    assert seen.totals == seen.parts
    yield f"listed and unlisted were the totals in all {len(seen.totals)} scrapes"
    assert seen.failing == 0, seen.log
    assert "level=error" not in seen.log, seen.log


def check_size(seen: Seen) -> Iterator[str]:
    """Yield the size over time; raises AssertionError if the daemon grew after a fifth of it."""
    for number, part in enumerate(parts_of(seen.sizes), 1):
        yield f"part {number}: RSS {part.resident_kb / 1024:.1f} MiB"
    _warm_up, early, *_between, late = parts_of(seen.sizes)
    assert late.resident_kb <= early.resident_kb + ROOM_KB, "memory grows"


def figures_of(done: Done, seen: Seen) -> dict[str, Figure]:
    """Return what is kept of a run; the counts equal what was done, or the run has failed."""
    return {
        "connections": done.connections,
        "no_port": done.no_port,
        "port_taken": done.port_taken,
        "closed_first": done.time_waits,
        "rss_mb": rss_by_parts(parts_of(seen.sizes)),
    }


def main() -> None:
    """Run as the arguments say, print what was seen, and fail if anything disagrees."""
    arguments, write = split_write(sys.argv[1:])
    seconds, rate = (*map(float, arguments), *(600.0, 30_000.0)[len(arguments) :])
    done, seen = run(seconds, rate)
    for line in (*check_counts(done, seen), *check_size(seen)):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    if write:
        keep("refusals", f"{seconds:,.0f} s", figures_of(done, seen))


if __name__ == "__main__":
    main()
