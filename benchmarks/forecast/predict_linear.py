"""What Prometheus predicts from the ratio alone: predict_linear, by its documentation."""

import math
from collections.abc import Sequence
from statistics import linear_regression

from benchmarks.forecast.trace import Poll

RANGE_SECONDS = 300.0
SCRAPE_SECONDS = 15

Samples = Sequence[tuple[float, float]]


def line_at(samples: Samples, now: float) -> tuple[float, float]:
    """Return the rise per second of the least-squares line and its value at `now`.

    predict_linear(v, t) is value + rise × t. samples: at least two of (time, value).
    Source: prometheus.io/docs, Query functions, predict_linear: simple linear regression.
    """
    times = [time - now for time, _value in samples]
    rise, value = linear_regression(times, [value for _time, value in samples])
    return rise, value


def seconds_until_full(polls: Sequence[Poll], limit: int) -> float:
    """Return when predict_linear(ratio[5m], seconds) reaches 1: 0 if it has, +Inf if never."""
    now = polls[-1].time
    samples = [(poll.time, poll.ports / limit) for poll in polls if poll.time > now - RANGE_SECONDS]
    if len(samples) < 2:  # noqa: PLR2004 - a line has two points
        return math.inf
    rise, ratio = line_at(samples, now)
    if ratio >= 1:
        return 0.0
    return (1 - ratio) / rise if rise > 0 else math.inf


def seconds_until_full_after_idleness(polls: Sequence[Poll], limit: int) -> float:
    """Return the same if the host was scraped while idle before the load began."""
    idle = [
        Poll(polls[0].time - SCRAPE_SECONDS * number, 0, 0, ())
        for number in range(int(RANGE_SECONDS / SCRAPE_SECONDS), 0, -1)
    ]
    return seconds_until_full([*idle, *polls], limit)
