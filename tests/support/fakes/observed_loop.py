"""A sampling loop whose samples and log lines a test can read."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from structlog.typing import EventDict, WrappedLogger

from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.sample.sample import NamespaceSample, Sample, Taken
from tcp_pressure_exporter.sampling.loop import Clocks, Pace, SamplingLoop
from tcp_pressure_exporter.settings.config import Config
from tests.support.fakes.captured_log import captured_log
from tests.support.fakes.samples import namespace_sample

PATIENCE_SECONDS = 10.0
FAST = Pace(interval=0.001, max_cpu=1.0)
SLOW = Pace(interval=600.0, max_cpu=0.05)
GOOD = namespace_sample("host", limits=Outcome(0.1, (Resource("time_wait_buckets", 2, 9),)))
Take = Callable[[Config], NamespaceSample | Taken]


def failing(reason: str) -> NamespaceSample:
    return namespace_sample("host", limits=Outcome(0.1, error=SourceError("sockstat", reason)))


class ObservedLoop:
    """A loop whose samples and log lines a test can read."""

    def __init__(self, take: Take, pace: Pace = FAST, clocks: Clocks | None = None) -> None:
        self.published: list[Sample] = []
        self.stop = threading.Event()
        self._line_refusals: list[Exception] = []
        log, self._logged = captured_log(self._refuse)
        self.loop = SamplingLoop(
            lambda config: _taken(take(config)),
            self._publish,
            pace,
            Config(),
            log,
            clocks or Clocks(),
        )
        self.enough = 3
        self.refusals: list[Exception] = []

    def _publish(self, sample: Sample) -> None:
        if self.refusals:
            raise self.refusals.pop()
        self.published.append(sample)
        if len(self.published) >= self.enough:
            self.stop.set()

    def fail_next_line(self) -> None:
        """Let the log raise MemoryError once."""
        self._line_refusals.append(MemoryError())

    def _refuse(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if self._line_refusals:
            raise self._line_refusals.pop()
        return event

    def run(self) -> None:
        """Run until enough samples are published."""
        thread = threading.Thread(target=self.loop.run, args=(self.stop,))
        thread.start()
        thread.join(PATIENCE_SECONDS)
        self.stop.set()
        assert not thread.is_alive(), "the loop did not stop"

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [dict(line) for line in self._logged.entries]


def _taken(taken: NamespaceSample | Taken) -> Taken:
    return taken if isinstance(taken, Taken) else Taken((taken,))


def one_after_the_other(samples: Iterable[NamespaceSample | Taken | Exception]) -> Take:
    """Return a function that gives the samples in order, and raises any that is an exception."""
    remaining = iter(samples)

    def take(_config: Config) -> NamespaceSample | Taken:
        sample = next(remaining)
        if isinstance(sample, Exception):
            raise sample
        return sample

    return take
