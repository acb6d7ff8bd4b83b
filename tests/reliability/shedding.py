"""A million sockets at an interval of a second, and a hundred thousand pools: what gives way.

usage: python -m tests.reliability.shedding     as root; about six minutes, 2 GB of memory

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


def run() -> Iterator[str]:
    """Yield what was seen; raises AssertionError if a promise is not kept."""
    with tempfile.TemporaryDirectory() as name:
        program = compile_c(BENCHMARKS / "make_sockets.c", Path(name))
        for case in CASES:
            yield _run_case(case, program, Path(name))


def _run_case(case: Case, program: Path, folder: Path) -> str:
    config = folder / "config.yml"
    config.write_text(case.config)
    flags = (f"--sample.interval={INTERVAL:.0f}s", f"--config.file={config}")
    with network_namespace(), populated(case.shape, program, lambda _text: None) as population:
        with suppress(BenchmarkError):  # a busy machine makes fewer: the line says how many
            population.stay(OBSERVED_SECONDS + 10)
        sockets = count_sockets()
        with running_exporter(folder / "log", *flags) as exporter:
            return f"{case.name}, {sockets:,} sockets: {_observe(exporter, case.most_mb)}"


def _observe(exporter: Exporter, most_mb: int) -> str:
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
    memory = size_of(pid).peak_kb / 1024
    stretched = "sampling interval stretched" in exporter.log.read_text()
    assert share <= SHARE * ROOM, share
    assert stretched or interval < NOTABLE_CHANGE * INTERVAL, exporter.log.read_text()
    assert memory < most_mb, memory
    return (
        f"every {interval:.1f} s at the longest instead of {INTERVAL:.0f} s,"
        f" {100 * share:.1f} % of a CPU with {len(pages)} scrapes,"
        f" the slowest in {1e3 * slowest:.0f} ms; {len(moments)} samples;"
        f" at most {memory:.1f} MiB resident; in the log: {'yes' if stretched else 'no need'}"
    )


def main() -> None:
    """Run all of it."""
    for line in run():
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
