"""What any user of the host may pile up, and how much memory that costs the daemon.

usage: python -m tests.reliability.bounds [--write] [scene ...]     as root; ten minutes, 12 GB

Every scene is made of real sockets or namespaces. The daemon has to stay below 64 MiB resident,
and has to go on sampling.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.failure import BenchmarkError
from benchmarks.paths import HERE as BENCHMARKS
from benchmarks.population import populated
from benchmarks.programs import compile_c
from benchmarks.shape import Shape
from tests.reliability.process_size import size_of
from tests.reliability.results import keep, split_write
from tests.support.labs.exporter_process import Exporter, running_exporter, value_of
from tests.support.labs.network_namespace import network_namespace, set_sysctl

MOST_MB = 64  # of RSS: docs/reliability.md
CROWD = Path(__file__).with_name("crowd.c")
SECONDS = 40.0  # for which each scene is watched
GROUPED = "groups: [{name: everybody, cidrs: [127.0.0.0/8]}]\n"


@contextmanager
def crowd(folder: Path, kind: str, counts: Sequence[int]) -> Iterator[None]:
    """Have several processes make that many each, in parallel, for as long as this lasts."""
    program = compile_c(CROWD, folder)
    first = 0
    processes = []
    with ExitStack() as stack:
        for count in counts:
            command = [str(program), kind, str(first), str(count)]
            pipe = subprocess.PIPE
            process = subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True)
            stack.enter_context(process)
            processes.append(process)
            first += count
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"made\n", f"{kind}: see its standard error"
        try:
            yield
        finally:
            for process in processes:
                assert process.stdin is not None
                process.stdin.close()


def shares(count: int) -> list[int]:
    """Return how many sockets each of several processes may make, by its limit of descriptors."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    each = (min(hard, 100_000) - 100) // 1000 * 1000
    return [min(each, count - begun) for begun in range(0, count, each)]


@contextmanager
def listeners(folder: Path, count: int) -> Iterator[None]:
    """Have listening sockets, some of them in the usual local port range."""
    with crowd(folder, "listeners", shares(count)):
        yield


@contextmanager
def close_wait(folder: Path, count: int) -> Iterator[None]:
    """Have sockets in CLOSE_WAIT."""
    set_sysctl("ip_local_port_range", "1024 65535")
    with crowd(folder, "close_wait", shares(count)):
        yield


@contextmanager
def namespaces(folder: Path, count: int) -> Iterator[None]:
    """Have processes in separate network namespaces."""
    with crowd(folder, "namespaces", [count]):
        yield


@contextmanager
def remotes(folder: Path, count: int) -> Iterator[None]:
    """Have pools towards that many addresses, all in one group."""
    program = compile_c(BENCHMARKS / "make_sockets.c", folder)
    shape = Shape(count + count // 10, heavy_percent=0, light=count)
    with populated(shape, program, lambda _text: None) as population:
        population.stay(30)
        yield


class Scene(NamedTuple):
    """What is made, how much of it, and how the daemon is started.

    few: how many in the tests. most_mb: of memory.
    """

    make: Callable[[Path, int], AbstractContextManager[None]]
    many: int
    few: int
    flags: tuple[str, ...] = ()
    config: str = ""


SCENES = {
    "listeners": Scene(listeners, 450_000, 20_000),
    "close_wait": Scene(close_wait, 1_000_000, 20_000),
    "namespaces": Scene(namespaces, 10_000, 100),
    "namespaces with the collector": Scene(namespaces, 10_000, 100, ("--collector.netns",)),
    "remotes of a group": Scene(remotes, 140_000, 2_000, config=GROUPED),
}


class Seen(NamedTuple):
    """The most memory the daemon ever took, in MiB, and how often it sampled."""

    peak_mb: float
    samples: int


def run(name: str, scene: Scene, count: int, seconds: float) -> Seen:
    """Return what was seen; raises AssertionError if the daemon takes too much."""
    with tempfile.TemporaryDirectory() as temporary, network_namespace():
        folder = Path(temporary)
        config = folder / "config.yml"
        config.write_text(scene.config)
        flags = (
            "--sample.interval=1s",
            "--sample.max-cpu=0.5",
            f"--config.file={config}",
            *scene.flags,
        )
        with (
            scene.make(folder, count),
            running_exporter(folder / "log", *flags) as exporter,
        ):
            seen = _observe(exporter, seconds)
    assert seen.peak_mb <= MOST_MB, f"{name}, {count:,}: {seen.peak_mb:.1f} MiB"
    return seen


def _observe(exporter: Exporter, seconds: float) -> Seen:
    moments = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        moments.add(value_of(exporter.metrics(), "tcp_pressure_sample_timestamp_seconds"))
        exporter.get("/")
        time.sleep(0.5)
    assert len(moments) > 1, exporter.log.read_text()
    return Seen(size_of(exporter.process.pid).peak_kb / 1024, len(moments))


def main(arguments: Sequence[str]) -> int:
    """Run the scenes of these names, or all; return how many take too much."""
    names, write = split_write(arguments)
    failed = 0
    for name in names or SCENES:
        scene = SCENES[name]
        try:
            seen = run(name, scene, scene.many, SECONDS)
        except (AssertionError, BenchmarkError) as error:
            line, failed = f"FAILED {name}: {error}", failed + 1
        else:
            line = (
                f"{name}: {scene.many:,}; at most {seen.peak_mb:.1f} MiB resident,"
                f" {seen.samples} samples in {SECONDS:.0f} s"
            )
            if write:
                keep("bounds", name, {"number": scene.many, "rss_mb": round(seen.peak_mb, 1)})
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return failed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
