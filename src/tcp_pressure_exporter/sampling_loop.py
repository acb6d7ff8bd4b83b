"""The polling loop: one sample after the other on a thread of its own, until it is told to stop."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.config import Config
from tcp_pressure_exporter.heartbeat import UNHEARD, Heartbeat
from tcp_pressure_exporter.model.sample import NamespaceSample, Sample, Taken

# The loop says how it stretches when the interval differs by this factor from what it said last.
NOTABLE_CHANGE = 1.2


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to sample: seconds between samples, and the share of one CPU it may cost."""

    interval: float
    max_cpu: float

    def stretched(self, cpu_seconds: float) -> float:
        """Return the interval at which a sample of that cost stays inside the share."""
        return max(self.interval, cpu_seconds / self.max_cpu)


class SamplingLoop:
    """Takes samples at a pace and publishes each; `config` may be replaced at any time."""

    def __init__(
        self,
        take: Callable[[Config], Taken],
        publish: Callable[[Sample], None],
        pace: Pace,
        config: Config,
        log: FilteringBoundLogger,
    ) -> None:
        self._take = take
        self._publish = publish
        self._pace = pace
        self.config = config
        self._log = log
        self._failing: dict[tuple[str, str], str] = {}
        self._interval = pace.interval
        self._announced = pace.interval

    def run(self, stop: threading.Event, heartbeat: Heartbeat = UNHEARD) -> None:
        """Sample until `stop` is set. An unexpected error costs one sample, not the loop.

        The heart beats from each sample that was published to the next, and not after a failure.
        """
        while not stop.is_set():
            started = time.monotonic()
            try:
                self._publish(self.sample())
            except Exception:  # noqa: BLE001 - a defect must not blind the host for good; the
                # page goes stale meanwhile and says so
                self._log.exception("sampling failed unexpectedly")
                stop.wait(max(0.0, started + self._interval - time.monotonic()))
            else:
                heartbeat.pause(stop, started + self._interval)

    def sample(self) -> Sample:
        """Take one sample, log what changed, and return it."""
        timestamp, started, cpu = time.time(), time.monotonic(), time.thread_time()
        namespaces, census = self._take(self.config)
        cpu_seconds = time.thread_time() - cpu
        self._log_outcomes(namespaces)
        self._interval = self._pace.stretched(cpu_seconds)
        self._log_interval(cpu_seconds)
        return Sample(
            timestamp=timestamp,
            started=started,
            cpu_seconds=cpu_seconds,
            interval=self._interval,
            configured_interval=self._pace.interval,
            namespaces=namespaces,
            census=census,
        )

    def _log_outcomes(self, namespaces: Sequence[NamespaceSample]) -> None:
        """Write one line when a collector begins to fail, fails otherwise, or recovers."""
        failing: dict[tuple[str, str], str] = {}  # afresh: what is gone with its namespace is over
        for namespace in namespaces:
            for collector, outcome in namespace.outcomes():
                key = (namespace.netns, collector)
                before, now = self._failing.get(key), outcome.error and str(outcome.error)
                where = {"netns": namespace.netns, "collector": collector}
                if now:
                    failing[key] = now
                if now and now != before:
                    self._log.error("collector fails", **where, reason=now)
                elif before and not now:
                    self._log.info("collector works again", **where)
        self._failing = failing

    def _log_interval(self, cpu_seconds: float) -> None:
        change = self._interval / self._announced
        if 1 / NOTABLE_CHANGE < change < NOTABLE_CHANGE:
            return
        self._announced = self._interval
        stretched = self._interval > self._pace.interval
        self._log.info(
            "sampling interval stretched" if stretched else "sampling interval as configured",
            interval=round(self._interval, 2),
            configured=self._pace.interval,
            sample_cpu_seconds=round(cpu_seconds, 4),
        )
