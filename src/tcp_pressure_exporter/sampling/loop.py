"""The polling loop: it takes samples on a thread of its own, one after another, until stopped."""

import math
import re
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.sample.sample import LeftOut, NamespaceSample, Sample, Taken
from tcp_pressure_exporter.settings.config import Config


def seconds_since_boot() -> float:
    """Return CLOCK_BOOTTIME in seconds (clock_gettime(2)): CLOCK_MONOTONIC plus all suspends.

    On the monotonic clock, a sample from before a suspend could pass for a fresh one. Other systems
    share no name for a better clock.
    """
    if sys.platform != "linux":
        return time.monotonic()
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Clocks(NamedTuple):
    """The loop's clocks, all in seconds.

    wall: since the epoch; it may step. boot: for the age of samples. monotonic: for waiting, and
    for how long a sample takes. cpu: of the calling thread. paid: how much of that allowances have
    paid for (sources/pacing.py).
    """

    wall: Callable[[], float] = time.time
    boot: Callable[[], float] = seconds_since_boot
    monotonic: Callable[[], float] = time.monotonic
    cpu: Callable[[], float] = time.thread_time
    paid: Callable[[], float] = lambda: 0.0


class Heartbeat:
    """Beats after each good sample and during the pause that follows, on the sampling thread."""

    def __init__(self, seconds: float, beat: Callable[[], None]) -> None:
        """Beat at least once in that many seconds of a pause; with +Inf only as it begins."""
        self._seconds = seconds
        self._beat = beat

    def pause(
        self, stop: threading.Event, end: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Beat until the clock reaches `end`, or until `stop` is set."""
        while not stop.is_set():
            self._beat()
            left = max(0.0, end - clock())
            stop.wait(min(left, self._seconds))
            if left <= self._seconds:
                return


UNHEARD = Heartbeat(math.inf, lambda: None)

# The loop logs a stretched interval if it differs by this factor from the one last logged.
NOTABLE_CHANGE = 1.5
QUIET_SECONDS = 60.0  # between two such lines: on a busy host the cost fluctuates
# On a host without free CPU a sample may take that long. One that took longer was stopped, not
# slow, and what it began before is too old to be shown.
LONGEST_SAMPLE = 15.0

SYSTEM_CLOCKS = Clocks()

# What allowances pay for comes seldom, and may cost as much as many samples. So it does not stretch
# the interval as samples do: the next ones repay it with what they leave of their share. If they
# leave nothing, each repays this part of what is owed.
REPAID = 0.05

NUMBERS = re.compile(r"\d+")
Together = defaultdict[tuple[str, str], list[str]]  # collectors, by namespace and reason


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to sample: seconds between samples, and the share of one CPU it may cost."""

    interval: float
    max_cpu: float

    def stretched(self, cpu_seconds: float, seconds: float) -> float:
        """Return the interval at which samples of that cost stay within the share.

        It is also long enough for a sample that takes `seconds` to end before the next begins.
        """
        return max(self.interval, cpu_seconds / self.max_cpu, min(seconds, LONGEST_SAMPLE))


class Failures(NamedTuple):
    """How many failures since the start: of single collectors' parts, and of whole samples."""

    parts: int = 0
    samples: int = 0


class SamplingLoop:
    """Takes samples at a pace and publishes each; `config` may be replaced at any time.

    failures: replaced as a whole, so another thread may read it.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what the loop calls, what it goes by, and its clocks
        self,
        take: Callable[[Config], Taken],
        publish: Callable[[Sample], None],
        pace: Pace,
        config: Config,
        log: FilteringBoundLogger,
        clocks: Clocks = SYSTEM_CLOCKS,
    ) -> None:
        self._clocks = clocks
        self._take = take
        self._publish = publish
        self._pace = pace
        self.config = config
        self._log = log
        self.failures = Failures()
        self._failing: dict[tuple[str, str], str] = {}
        self._told: set[str] = set()
        self._defect: str | None = None
        self._interval = pace.interval
        self._announced = pace.interval
        self._owed = 0.0  # CPU seconds that allowances have paid for, not yet repaid
        self._quiet_until = 0.0

    def run(self, stop: threading.Event, heartbeat: Heartbeat = UNHEARD) -> None:
        """Sample until `stop` is set. An unexpected error costs one sample, not the loop.

        The heart beats from each published sample to the next, but not after a failure.
        """
        while not stop.is_set():
            started = self._clocks.monotonic()
            published = False
            # When memory is short, logging an error may itself fail.
            with suppress(Exception):
                published = self._try_sample()
            end = started + self._interval
            if published:
                heartbeat.pause(stop, end, self._clocks.monotonic)
            else:
                stop.wait(max(0.0, end - self._clocks.monotonic()))

    def _try_sample(self) -> bool:
        """Take and publish a sample; return whether that worked."""
        try:
            self._publish(self.sample())
        except Exception as error:  # noqa: BLE001 - a defect must not blind the host for good; the
            # page goes stale in the meantime and says so
            self.failures = self.failures._replace(samples=self.failures.samples + 1)
            if self._defect != repr(error):
                self._log.exception("sampling failed unexpectedly")
                self._defect = repr(error)  # only now: the line itself may have failed
            return False
        if self._defect:
            self._defect = None
            self._log.info("sampling works again")
        return True

    def sample(self) -> Sample:
        """Take one sample, log what changed, and return it."""
        clocks = self._clocks
        timestamp, started, begun = clocks.wall(), clocks.boot(), clocks.monotonic()
        cpu, paid = clocks.cpu(), clocks.paid()
        taken = self._take(self.config)
        cpu_seconds, seconds = clocks.cpu() - cpu, clocks.monotonic() - begun
        self._log_outcomes(taken.namespaces)
        self._log_left_out(taken.left_out)
        self._set_interval(cpu_seconds, clocks.paid() - paid, seconds)
        self._log_interval(cpu_seconds, seconds)
        return Sample(
            timestamp=timestamp,
            started=started,
            cpu_seconds=cpu_seconds,
            interval=self._interval,
            configured_interval=self._pace.interval,
            namespaces=taken.namespaces,
            census=taken.census,
            elsewhere=taken.elsewhere,
            left_out=taken.left_out,
        )

    def _set_interval(self, cpu_seconds: float, paid: float, seconds: float) -> None:
        """Set the interval; `paid`: how much of the CPU time allowances have paid for."""
        own, self._owed = cpu_seconds - paid, self._owed + paid
        self._interval = self._pace.stretched(own + REPAID * self._owed, seconds)
        left = self._interval * self._pace.max_cpu - own
        self._owed = max(0.0, self._owed - left)

    def _log_outcomes(self, namespaces: Sequence[NamespaceSample]) -> None:
        """Count failures; write a line when collectors begin to fail, or recover.

        One source may feed many collectors: those of one namespace and reason share their line.
        """
        failing: dict[tuple[str, str], str] = {}  # afresh: failures end with their namespace
        begun: Together = defaultdict(list)
        over: Together = defaultdict(list)
        for namespace in namespaces:
            for collector, outcome in namespace.outcomes():
                key = (namespace.netns, collector)
                before, now = self._failing.get(key), outcome.error and str(outcome.error)
                if now:
                    failing[key] = now
                if now and (before is None or _kind(now) != _kind(before)):
                    begun[namespace.netns, now].append(collector)
                elif before and not now:
                    over[namespace.netns, before].append(collector)
        self._failing = failing
        self.failures = self.failures._replace(parts=self.failures.parts + len(failing))
        for (netns, reason), collectors in begun.items():
            where = {"netns": netns, "collector": ",".join(collectors)}
            self._log.error("collector fails", **where, reason=reason)
        for (netns, _reason), collectors in over.items():
            self._log.info("collector works again", netns=netns, collector=",".join(collectors))

    def _log_left_out(self, left_out: LeftOut) -> None:
        """Log once for each thing that samples do not reach in full."""
        for feature, reason in left_out:
            if feature not in self._told:
                self._told.add(feature)
                self._log.info("not everything was looked at", feature=feature, reason=reason)

    def _log_interval(self, cpu_seconds: float, seconds: float) -> None:
        change = self._interval / self._announced
        now = self._clocks.monotonic()
        if 1 / NOTABLE_CHANGE < change < NOTABLE_CHANGE or now < self._quiet_until:
            return
        self._quiet_until = now + QUIET_SECONDS
        self._announced = self._interval
        stretched = self._interval > self._pace.interval
        self._log.info(
            "sampling interval stretched" if stretched else "sampling interval as configured",
            interval=round(self._interval, 2),
            configured=self._pace.interval,
            sample_seconds=round(seconds, 4),
            sample_cpu_seconds=round(cpu_seconds, 4),
        )


def _kind(reason: str) -> str:
    """Return a reason without its numbers: for corrupt data they may change with each sample."""
    return NUMBERS.sub("", reason)
