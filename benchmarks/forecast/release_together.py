"""The walk through the known releases if the ports of one second come back at its end."""

import math

from tcp_pressure_exporter.pools.forecast import HORIZON, Flow


def exhaustion_seconds(flow: Flow) -> float:
    """Return the seconds until the pool is full: 0 if it is, +Inf if that is not in sight."""
    used, now = flow.live + sum(flow.ages), 0.0
    if used >= flow.limit:
        return 0.0
    slope = flow.closes + flow.growth
    for age in reversed(range(len(flow.ages))):
        release = flow.hold - age
        if (full := _full_at(flow.limit - used, slope, now)) <= release:
            return full
        used += slope * (release - now) - flow.ages[age]
        now = release
    full = _full_at(flow.limit - used, flow.growth, now)
    return full if full <= HORIZON else math.inf


def _full_at(free: float, slope: float, now: float) -> float:
    return now + free / slope if slope > 0 else math.inf
