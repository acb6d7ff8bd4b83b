"""Where a pool is heading: from its use and its growth to a forecast."""

import math
from typing import NamedTuple

from tcp_pressure_exporter.model.closes import (
    RATE_SECONDS,
    closes_each_second,
    closes_per_second,
    peak_closes,
)
from tcp_pressure_exporter.model.forecast import (
    HORIZON,
    Flow,
    exhaustion_seconds,
    steady_state_ratio,
    sustainable_closes,
)
from tcp_pressure_exporter.model.usage import Usage


class Outlook(NamedTuple):
    """What is to come of a pool.

    exhaustion_seconds: until it is full, +Inf where that is not in sight.
    steady_state_ratio: what today's closes lead to. sustainable_closes: per second.
    peak_closes: the most in any one second of the last minute.
    """

    exhaustion_seconds: float
    steady_state_ratio: float
    sustainable_closes: float
    peak_closes: int


def outlook(usage: Usage, exhaustion: float) -> Outlook | None:
    """Return the outlook of a pool; None where nothing tells when its ports were closed."""
    if usage.ages is None:
        return None
    flow = _flow(usage, usage.ages, 0.0)
    return Outlook(
        exhaustion, steady_state_ratio(flow), sustainable_closes(flow), peak_closes(usage.ages)
    )


def exhaustion(usage: Usage, growth: float) -> float:
    """Return the seconds until the pool is full; `growth` is that of its live ports per second."""
    if usage.ages is None or _most(usage, growth) < usage.limit:
        return math.inf
    return exhaustion_seconds(_flow(usage, usage.ages, growth))


def _most(usage: Usage, growth: float) -> float:
    """Return more than the pool can hold within the horizon: most pools need no closer look."""
    closes = (usage.time_wait or 0) / RATE_SECONDS
    return usage.used + closes * usage.hold + max(growth, 0.0) * HORIZON


def _flow(usage: Usage, ages: bytes, growth: float) -> Flow:
    # Older ones hold no port: a connect() may take them over.
    waiting = closes_each_second(ages)[: math.ceil(usage.hold)]
    return Flow(
        limit=usage.limit,
        live=usage.used - sum(waiting),
        ages=waiting,
        closes=closes_per_second(ages),
        growth=growth,
        hold=usage.hold,
    )
