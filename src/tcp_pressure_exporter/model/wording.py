"""Figures and owners in words for people."""

import math
from collections.abc import Iterable

from tcp_pressure_exporter.model.assessment import Pressure
from tcp_pressure_exporter.model.ownership import OwnerCount

FULL = "full now"
MINUTE, HOUR, DAY = 60, 3600, 86_400
MIB = 2**20


def percent(ratio: float) -> str:
    """Write a ratio, rounded down: only what is full is 100 %."""
    return "<1 %" if 0 < ratio < 0.01 else f"{int(ratio * 100)} %"  # noqa: PLR2004 - one per cent


def duration(seconds: float) -> str:
    """Write a duration in its largest unit that is worth two of them, rounded down."""
    for unit, length in (("days", DAY), ("h", HOUR), ("min", MINUTE)):
        if seconds >= 2 * length:
            return f"{int(seconds / length)} {unit}"
    return f"{int(seconds)} s" if seconds >= 1 else "under 1 s"


def time_left(pressure: Pressure) -> str:
    """Write how long a resource lasts."""
    left = pressure.seconds_left
    if pressure.refused or left == 0:
        return FULL
    if left is None:
        return "unknown"
    return "not in sight" if math.isinf(left) else duration(left)


def heads_for(pressure: Pressure) -> str:
    """Write what today's rate leads to, "" where that is not known.

    Nor where a burst fills the pool before: that it would be less in the end comforts nobody.
    """
    ratio, left = pressure.steady_state_ratio, pressure.seconds_left
    if ratio is None or (ratio < 1 and left is not None and math.isfinite(left)):
        return ""
    return percent(ratio)


def used_of_limit(pressure: Pressure) -> str:
    """Write how much is used, and of how much."""
    if pressure.kind == "memory_bytes":
        return f"{pressure.used / MIB:,.0f} / {pressure.limit / MIB:,.0f} MiB"
    return f"{pressure.used:,} / {pressure.limit:,}"


def owners_words(owners: Iterable[OwnerCount]) -> str:
    """List owners as `service (process) sockets`."""
    return ", ".join(f"{_owner_words(count)} {count.sockets:,}" for count in owners)


def _owner_words(count: OwnerCount) -> str:
    service, process = count.owner
    return f"{service} ({process})" if service and process else service or process


def counted(count: int, noun: str) -> str:
    """Write a number of things, for nouns whose plural is regular."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
