"""A million sockets at an interval of a second, and a hundred thousand pools: what gives way.

usage: python -m tests.reliability.shedding [--write]     as root; about six minutes, 2 GB of memory

The daemon has to keep to its share of a CPU by sampling less often, to say so, and to go on
serving; and its memory has to stay bounded whatever the number of pools.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.cpu_clock import process_cpu_seconds
from benchmarks.failure import BenchmarkError
from benchmarks.paths import HERE as BENCHMARKS
from benchmarks.population import count_sockets, populated
from benchmarks.programs import compile_c
from benchmarks.shape import Shape
from tcp_pressure_exporter.sampling.loop import NOTABLE_CHANGE
from tests.reliability.process_size import size_of
from tests.reliability.results import keep, split_write
from tests.support.labs.exporter_process import Exporter, running_exporter, value_of
from tests.support.labs.network_namespace import network_namespace

INTERVAL, SHARE = 1.0, 0.05
ROOM = 1.4  # the share is that of sampling; serving, and the wait for a first cheap sample, add
OBSERVED_SECONDS = 40.0
POOLS = Shape(110_000, heavy_percent=0, light=100_000)
GROUPED = "groups: [{name: nobody, cidrs: [192.0.2.0/24]}]\n"


class Case(NamedTuple):
    """What the daemon gets, and how much memory it may take, in MiB.

    config: its configuration. A group without pools should cost next to nothing.
    """

    name: str
    shape: Shape
    config: str
    most_mb: int


CASES = (
    Case("a million sockets", Shape(1_000_000), "", 50),
    Case("a hundred thousand pools", POOLS, "", 64),
    Case("the same, with a group", POOLS, GROUPED, 256),  # MemoryMax= of deploy/systemd
)


class Observed(NamedTuple):
    """What was seen in a case. sockets: how many the machine made; share: of a CPU.

    told: whether the log says that the interval was stretched.
    """

    sockets: int
    interval: float
    share: float
    scrapes: int
    slowest: float
    samples: int
    memory_mb: float
    told: bool

    @property
    def line(self) -> str:
        """What was seen, for a person."""
        return (
            f"{self.sockets:,} sockets: every {self.interval:.1f} s at the longest"
            f" instead of {INTERVAL:.0f} s, {100 * self.share:.1f} % of a CPU"
            f" with {self.scrapes} scrapes, the slowest in {1e3 * self.slowest:.0f} ms;"
            f" {self.samples} samples; at most {self.memory_mb:.1f} MiB resident;"
            f" in the log: {'yes' if self.told else 'no need'}"
        )


def run() -> Iterator[tuple[Case, Observed]]:
    """Yield what was seen; raises AssertionError if a promise is not kept."""
    with tempfile.TemporaryDirectory() as name:
        program = compile_c(BENCHMARKS / "make_sockets.c", Path(name))
        for case in CASES:
            yield case, _run_case(case, program, Path(name))


def _run_case(case: Case, program: Path, folder: Path) -> Observed:
    config = folder / "config.yml"
    config.write_text(case.config)
    flags = (f"--sample.interval={INTERVAL:.0f}s", f"--config.file={config}")
    with network_namespace(), populated(case.shape, program, lambda _text: None) as population:
        with suppress(BenchmarkError):  # a busy machine makes fewer: the line says how many
            population.stay(OBSERVED_SECONDS + 10)
        sockets = count_sockets()
        with running_exporter(folder / "log", *flags) as exporter:
            observed = _observe(exporter, sockets)
            _check(observed, case, exporter.log.read_text())
            return observed


def _observe(exporter: Exporter, sockets: int) -> Observed:
    time.sleep(5)  # the first samples are over, and the interval is what they cost
    pid, begun = exporter.process.pid, time.monotonic()
    cpu = process_cpu_seconds(pid)
    pages, slowest = [], 0.0
    while time.monotonic() < begun + OBSERVED_SECONDS:
        asked = time.monotonic()
        assert exporter.get("/-/ready")[0] == 200
        pages.append(exporter.metrics())
        slowest = max(slowest, time.monotonic() - asked)
        time.sleep(1)
    share = (process_cpu_seconds(pid) - cpu) / (time.monotonic() - begun)
    interval = max(value_of(page, "tcp_pressure_sample_interval_seconds") for page in pages)
    moments = {value_of(page, "tcp_pressure_sample_timestamp_seconds") for page in pages}
    memory_mb = size_of(pid).peak_kb / 1024
    told = "sampling interval stretched" in exporter.log.read_text()
    return Observed(sockets, interval, share, len(pages), slowest, len(moments), memory_mb, told)


def _check(observed: Observed, case: Case, log: str) -> None:
    assert observed.share <= SHARE * ROOM, observed
    assert observed.told or observed.interval < NOTABLE_CHANGE * INTERVAL, log
    assert observed.memory_mb < case.most_mb, observed


def figures_of(observed: Observed, case: Case) -> dict[str, float]:
    """Return what is kept of a case."""
    return {
        "interval_seconds": round(observed.interval, 1),
        "cpu_percent": round(100 * observed.share, 1),
        "slowest_scrape_ms": round(1e3 * observed.slowest),
        "rss_mb": round(observed.memory_mb, 1),
        "allowed_mb": case.most_mb,
    }


def main() -> None:
    """Run all of it."""
    _arguments, write = split_write(sys.argv[1:])
    for case, observed in run():
        sys.stdout.write(f"{case.name}, {observed.line}\n")
        sys.stdout.flush()
        if write:
            keep("shedding", case.name, figures_of(observed, case))


if __name__ == "__main__":
    main()
