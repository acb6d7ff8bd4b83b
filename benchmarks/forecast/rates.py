"""Ways to estimate, from the polls so far, how fast ports are taken."""

import math
from collections.abc import Callable, Sequence
from itertools import takewhile
from statistics import fmean, linear_regression
from typing import NamedTuple

from benchmarks.forecast.trace import Poll
from tcp_pressure_exporter.pools.usage import (
    RATE_SECONDS,
    lasting_closes,
    lasting_growth,
    may_have_ended,
)

JITTER = 0.5  # seconds by which a poll may be late and still count for its moment
SURE = 2.0  # standard errors


class Rates(NamedTuple):
    """Per second: connections entering TIME_WAIT, and the growth of live ones."""

    closes: float
    growth: float

    @property
    def opens(self) -> float:
        """Ports taken."""
        return self.closes + self.growth


Estimate = Callable[[Sequence[Poll]], Rates]


def mean(window: int, growth_window: int | None = None) -> Estimate:
    """Return the means over the last `window` seconds; growth over its own window if given."""
    return lambda polls: Rates(
        sum(polls[-1].ages[:window]) / window, _growth(polls, growth_window or window)
    )


def lasting(polls: Sequence[Poll]) -> Rates:
    """Return the means over ten seconds, without what has ended since, as the exporter does.

    Only closes that took a port count.
    """
    now, window = polls[-1], _before(polls, RATE_SECONDS)
    since = [(now.time - then.time, now.live - then.live) for then in window]
    growth = lasting_growth(since) if since else 0.0
    closes = lasting_closes([*now.ages, *[0] * RATE_SECONDS])
    return Rates(closes * (_share(now, window[-1]) if window else 1.0), growth)


def fastest(*windows: int) -> Estimate:
    """Return the means of the window in which most ports per second were taken."""
    estimates = [mean(window) for window in windows]
    return lambda polls: max(
        (estimate(polls) for estimate in estimates), key=lambda rates: rates.opens
    )


def agreeing(*windows: int) -> Estimate:
    """Return the means over the longest window that the shorter ones do not contradict.

    Rates contradict if they differ by more than chance explains: SURE times the standard error of a
    Poisson process.
    """

    def estimate(polls: Sequence[Poll]) -> Rates:
        rates, window = mean(windows[0])(polls), windows[0]
        for longer in windows[1:]:
            candidate = mean(longer)(polls)
            chance = math.sqrt(max(rates.opens * window, 1.0)) / window
            if polls[-1].time < longer or abs(candidate.opens - rates.opens) > SURE * chance:
                break
            rates, window = candidate, longer
        return rates

    return estimate


def trend(window: int, ahead: float) -> Estimate:
    """Return the closes `ahead` seconds from now, on the line through the last `window` seconds.

    If the line does not clearly rise, use the mean over ten seconds; for growth, always use it.
    """

    def estimate(polls: Sequence[Poll]) -> Rates:
        rates = mean(10)(polls)
        counts = [*polls[-1].ages[:window], *[0] * window][:window]
        slope, level, error = _line(counts)
        if slope <= SURE * error:
            return rates
        return Rates(max(rates.closes, level + slope * ahead), rates.growth)

    return estimate


def _growth(polls: Sequence[Poll], window: float) -> float:
    """Return the change of live ports per second since the oldest poll inside the window."""
    now, before = polls[-1], _before(polls, window)
    return (now.live - before[-1].live) / (now.time - before[-1].time) if before else 0.0


HOLD, BATCH = 62.048, 2.048  # seconds: at HZ=250


def _share(now: Poll, then: Poll) -> float:
    """Return at most which share of the closes since then took a port."""
    seconds = now.time - then.time
    closes = sum(now.ages[: int(seconds)])
    back = may_have_ended(then.ages, HOLD, BATCH, seconds)
    took = now.time_wait - then.time_wait + back
    return min(max(took, 0) / closes, 1.0) if closes else 1.0


def _before(polls: Sequence[Poll], window: float) -> list[Poll]:
    """Return the polls of the window before the last one, latest first."""
    start = polls[-1].time - window - JITTER
    return list(takewhile(lambda poll: poll.time >= start, polls[-2::-1]))


def _line(counts: Sequence[int]) -> tuple[float, float, float]:
    """Return the rise per second, the level now and the standard error of the rise."""
    times = [-age - 0.5 for age in range(len(counts))]
    slope, level = linear_regression(times, counts)
    squares = sum((n - level - slope * t) ** 2 for n, t in zip(counts, times, strict=True))
    spread = sum((t - fmean(times)) ** 2 for t in times)
    return slope, level, math.sqrt(squares / (len(counts) - 2) / spread)
