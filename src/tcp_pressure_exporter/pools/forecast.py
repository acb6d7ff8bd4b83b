"""When a pool will be full: the known releases of its TIME_WAIT ports against the rate of new ones.

Every TIME_WAIT entry shows how long it has been there, so it is known when each port comes back.
Until then, new connections take ports at the last observed rate. A pool fills up when ports are
taken faster than they come back. A burst that is over takes no more.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tcp_pressure_exporter.pools.usage import (
    RATE_SECONDS,
    Usage,
    closes_each_second,
    closes_per_second,
    lasting_closes,
    peak_closes,
    whole_seconds,
)

HORIZON = 600.0  # seconds: ten seconds of history say too little about any later time


class Flow(NamedTuple):
    """How the ports of a pool come and go; rates are per second.

    live: used ports that are not in TIME_WAIT.
    ages: blocked ports in TIME_WAIT, by whole seconds since they entered it.
    hold: seconds for which a port stays blocked after its connection closed; the last of `ages`
    begins before that.
    closes: connections entering TIME_WAIT; growth: the increase of `live`.
    """

    limit: int
    live: float
    ages: Sequence[float]
    closes: float
    growth: float = 0.0
    hold: float = Usage._field_defaults["hold"]


def exhaustion_seconds(flow: Flow) -> float:
    """Return the seconds until the pool is full: 0 if it is, +Inf if that is not in sight.

    Walks through the releases in order. Ages are known to the second, so the ports of one second
    are taken to come back evenly within it. After `hold`, as many ports come back as are closed, so
    only growth can fill the pool.
    """
    used, now = flow.live + sum(flow.ages), 0.0
    if used >= flow.limit:
        return 0.0
    for until, back in _releases(flow):
        slope = flow.closes + flow.growth - back
        then = used + slope * (until - now)
        if then >= flow.limit:
            return now + (flow.limit - used) / slope
        used, now = then, until
    full = now + (flow.limit - used) / flow.growth if flow.growth > 0 else math.inf
    return full if full <= HORIZON else math.inf


def steady_state_ratio(flow: Flow) -> float:
    """Return what the current rates lead to: (live + hold × closes) ÷ limit; 1 without any port."""
    return (flow.live + flow.hold * flow.closes) / flow.limit if flow.limit else 1.0


def sustainable_closes(flow: Flow) -> float:
    """Return the closes per second that the pool can sustain with its live ports."""
    return max(flow.limit - flow.live, 0.0) / flow.hold


def _releases(flow: Flow) -> Iterator[tuple[float, float]]:
    """Yield (until when, ports that come back per second until then); the last is `hold`.

    The first second is cut short by the end of TIME_WAIT.
    """
    now = max(flow.hold - len(flow.ages), 0.0)
    yield now, 0.0
    for age in reversed(range(len(flow.ages))):
        until = flow.hold - age
        yield until, flow.ages[age] / (until - now)
        now = until


class Outlook(NamedTuple):
    """Where a pool is heading.

    exhaustion_seconds: until it is full, +Inf where that is not in sight.
    steady_state_ratio: what the current closes lead to. sustainable_closes: per second.
    peak_closes: the most in any one second of the last minute.
    growth, share: as passed to exhaustion(); for a group, over all its pools.
    """

    exhaustion_seconds: float
    steady_state_ratio: float
    sustainable_closes: float
    peak_closes: int
    growth: float = 0.0
    share: float = 1.0


def outlook(
    usage: Usage, exhaustion: float, growth: float = 0.0, share: float = 1.0
) -> Outlook | None:
    """Return the outlook of a pool; None where it has none.

    It has none if it is not known when its ports were closed, or how many ports it has.
    """
    if usage.ages is None or usage.limit is None:
        return None
    flow = _flow(usage, usage.ages, usage.limit, closes_per_second(usage.ages), 0.0)
    return Outlook(
        exhaustion,
        steady_state_ratio(flow),
        sustainable_closes(flow),
        peak_closes(usage.ages),
        growth,
        share,
    )


def exhaustion(usage: Usage, growth: float, share: float = 1.0) -> float:
    """Return the seconds until the pool is full.

    growth: of its live ports, per second. share: the part of its closes that take a port. The
    closes alone do not tell: when a SYN takes over an entry in TIME_WAIT
    (tcp_timewait_state_process), or a segment restarts it, that looks like a close but takes no
    port.
    """
    limit = usage.limit
    if usage.ages is None or limit is None or _most(usage, usage.ages, growth) < limit:
        return math.inf
    return exhaustion_seconds(flow_ahead(usage, usage.ages, limit, growth, share))


def flow_ahead(usage: Usage, ages: bytes, limit: int, growth: float, share: float) -> Flow:
    """Return how the ports of a pool with these ages and this limit will come and go."""
    closes = share * lasting_closes(closes_each_second(ages))
    return _flow(usage, ages, limit, closes, growth)


def _most(usage: Usage, ages: bytes, growth: float) -> float:
    """Return an upper bound of what the pool will hold: it spares most pools a closer look."""
    closes = (usage.time_wait or 0) / len(whole_seconds(closes_each_second(ages))[:RATE_SECONDS])
    return usage.used + closes * usage.hold + max(growth, 0.0) * HORIZON


def _flow(usage: Usage, ages: bytes, limit: int, closes: float, growth: float) -> Flow:
    # Older ones hold no port: a connect() may take them over.
    waiting = closes_each_second(ages)[: math.ceil(usage.hold)]
    return Flow(
        limit=limit,
        live=usage.used - sum(waiting),
        ages=waiting,
        closes=closes,
        growth=growth,
        hold=usage.hold,
    )
