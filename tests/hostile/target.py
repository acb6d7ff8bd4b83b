"""The real exporter under attack: what a real scrape gets meanwhile, and what stays behind."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.labs.exporter_process import Access, Exporter, running_exporter

PATIENCE_SECONDS = 20.0
MEMORY_TOLERANCE = 8 * 1024 * 1024
WARM_UP_SCRAPES = 50


@dataclass(frozen=True)
class Footprint:
    """What a process holds: open descriptors, threads, bytes of resident memory."""

    descriptors: int
    threads: int
    memory: int

    def is_back_at(self, base: "Footprint") -> bool:
        """Whether nothing but some memory was kept: Python and malloc do not return every page."""
        return (
            self.descriptors <= base.descriptors
            and self.threads <= base.threads
            and self.memory <= base.memory + MEMORY_TOLERANCE
        )


def memory(status: Path, name: str) -> int:
    """Return one of the sizes in /proc/PID/status, in bytes."""
    (line,) = [line for line in status.read_text().splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1]) * 1024


@dataclass(frozen=True)
class Figures:
    """What an attack cost: scrapes answered and the seconds of the slowest; bytes of memory.

    peak, kept: how much more than before the process had, at most and in the end.
    """

    attack: str
    scrapes: int
    slowest: float
    peak: int
    kept: int

    @property
    def figures(self) -> dict[str, float]:
        """What is kept of it."""
        return {
            "scrapes": self.scrapes,
            "slowest_seconds": round(self.slowest, 2),
            "peak_mb": round(self.peak / 1e6, 1),
            "kept_mb": round(self.kept / 1e6, 1),
        }


@dataclass(frozen=True)
class Target:
    """A running exporter, how long its scrapes took, and what attacks have cost it so far."""

    exporter: Exporter
    figures: list[Figures] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.exporter.port

    def scrape(self) -> int:
        """Scrape as Prometheus does, with its timeout of 10 s; return the status."""
        access = self.exporter.access
        with closing(access.connection(self.exporter.port)) as connection:
            begin = time.monotonic()
            headers = {"Accept-Encoding": "gzip", **access.headers}
            connection.request("GET", "/metrics", headers=headers)
            answer = connection.getresponse()
            answer.read()
            self.seconds.append(time.monotonic() - begin)
            return answer.status

    def scrapes(self, number: int) -> list[int]:
        return [self.scrape() for _ in range(number)]

    def footprint(self) -> Footprint:
        descriptors = sum(1 for _ in self._proc("fd").iterdir())
        threads = sum(1 for _ in self._proc("task").iterdir())
        return Footprint(descriptors, threads, memory(self._proc("status"), "VmRSS"))

    def wait_until_back_at(self, base: Footprint) -> None:
        """Wait until the process holds no more than before, and check that it never complained."""
        eventually(lambda: self.footprint().is_back_at(base), lambda: f"{self.footprint()} {base}")
        log = self.exporter.log.read_text()
        assert "Traceback" not in log, log
        assert "level=error" not in log, log

    def _proc(self, file: str) -> Path:
        return Path(f"/proc/{self.exporter.process.pid}/{file}")

    def forget_peak(self) -> None:
        """Make the kernel start over with the peak of memory: proc(5), clear_refs."""
        self._proc("clear_refs").write_text("5")

    def peak(self) -> int:
        """Return the peak of resident memory in bytes."""
        return memory(self._proc("status"), "VmHWM")


@contextmanager
def unharmed(target: Target, attack: str) -> Iterator[None]:
    """Check that the target holds no more after the attack in the block; note the figures."""
    target.scrapes(2)
    base = target.footprint()
    target.forget_peak()
    target.seconds.clear()
    yield
    seconds = list(target.seconds)
    assert target.scrape() == 200
    target.wait_until_back_at(base)
    peak, kept = target.peak() - base.memory, target.footprint().memory - base.memory
    slowest = max(seconds, default=0.0)
    target.figures.append(Figures(attack, len(seconds), slowest, peak, kept))


@contextmanager
def warm_target(log: Path, *flags: str, access: Access | None = None) -> Iterator[Target]:
    """Start an exporter and scrape it until it has everything that scrapes need."""
    with running_exporter(log, *flags, access=access) as exporter:
        target = Target(exporter)
        assert target.scrapes(WARM_UP_SCRAPES) == [200] * WARM_UP_SCRAPES
        yield target


def eventually(condition: Callable[[], bool], describe: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, describe()
        time.sleep(0.05)
