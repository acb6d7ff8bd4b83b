"""What remedies would do for the outbound pools: `full in 15 s → never at this rate; 62 %`."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tcp_pressure_exporter.figures import duration, percent
from tcp_pressure_exporter.pools.directions import OUTBOUND, take_over_delay
from tcp_pressure_exporter.pools.remedies import (
    KeepAlive,
    LocalRange,
    MoreAddresses,
    Obstacle,
    Projection,
    Remedy,
    Situation,
    TimeWaitTakeOver,
    projected,
)
from tcp_pressure_exporter.pools.table import ListedPool
from tcp_pressure_exporter.sample.sample import CANARY, LOCAL_PORTS, SYSCTLS, NamespaceSample
from tcp_pressure_exporter.verdict.details.one_pool import pool_of
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.resources import NOT_SOON, time_left

MAX_POOLS = 3
BEST = 2  # unrequested remedies for one pool
WIDER = LocalRange(16384, 60999)  # the one in docs/runbooks/pools.md
CANDIDATES: tuple[Remedy, ...] = (TimeWaitTakeOver(), MoreAddresses(1), KeepAlive(0.9), WIDER)
WORTH_SAYING = 0.05  # of the limit, by which a peak exceeds the projected ratio


class WhatIf(NamedTuple):
    """What one remedy, or several together, would do for one pool.

    text: the remedies as --what-if takes them. name: that of the pool. projection: None if
    `obstacle` says why they do not help.
    """

    text: str
    pressure: Pressure
    projection: Projection | None
    obstacle: Obstacle | None

    @property
    def name(self) -> str:
        """The pool."""
        return self.pressure.name

    @property
    def words(self) -> str:
        """The present, and what it would become."""
        if self.projection is None:
            return f"does not help: {self.obstacle.value}" if self.obstacle else ""
        before, after = _time(self.pressure), _time_projected(self.projection)
        return f"{before} → {after}; {_ratio(self.projection)}"

    @property
    def short(self) -> str:
        """The remedy and what it leads to, for a place with little room."""
        return f"{self.text}: {_ratio(self.projection)}" if self.projection else ""


def what_if(
    sample: NamespaceSample, pressures: Sequence[Pressure], remedies: Sequence[Remedy]
) -> tuple[WhatIf, ...]:
    """Return what each remedy would do for the pools that need one, and all of them together.

    Without remedies: what the best ones would do for pools that are not calm.
    """
    pools = [one for one in pressures if one.kind == OUTBOUND]
    urgent = [one for one in pools if one.urgent][:MAX_POOLS]
    if not remedies:
        return tuple(found for one in urgent for found in best_remedies(sample, one))
    shown = urgent or sorted(pools, key=lambda one: -one.ratio)[:1]
    together = [remedies] if len(remedies) > 1 else []
    sets = [*([remedy] for remedy in remedies), *together]
    return tuple(_found(_what_if(sample, one, some) for one in shown for some in sets))


def best_remedies(sample: NamespaceSample, pressure: Pressure) -> tuple[WhatIf, ...]:
    """Return the remedies that lead to a pool's lowest ratios, if below today's."""
    found = _found(_what_if(sample, pressure, [remedy]) for remedy in CANDIDATES)
    helping = [(one.projection.ratio, one) for one in found if one.projection]
    now = max(pressure.steady_state_ratio or 0.0, pressure.ratio)
    best = sorted((pair for pair in helping if pair[0] < now), key=lambda pair: pair[0])
    return tuple(one for _ratio, one in best[:BEST])


def obstacle_to(sample: NamespaceSample, pool: ListedPool, remedy: Remedy) -> Obstacle | None:
    """Return why a remedy does not help a pool; None if it may."""
    around = _situation(sample, pool)
    return remedy.obstacle(pool.usage, around) if around else None


def _found(tried: Iterable[WhatIf | None]) -> Iterator[WhatIf]:
    return (one for one in tried if one is not None)


def _what_if(
    sample: NamespaceSample, pressure: Pressure, remedies: Sequence[Remedy]
) -> WhatIf | None:
    pool = pool_of(sample, pressure)
    around = _situation(sample, pool) if pool else None
    if pool is None or around is None:
        return None
    found = projected(pool.usage, pool.outlook, remedies, around)
    text = " ".join(remedy.text for remedy in remedies)
    if isinstance(found, Obstacle):
        return WhatIf(text, pressure, None, found)
    return WhatIf(text, pressure, found, None)


def _situation(sample: NamespaceSample, pool: ListedPool) -> Situation | None:
    ports, report = sample.value(LOCAL_PORTS), sample.value(CANARY)
    if ports is None or ports.settings is None or ports.reuse is None:
        return None
    sysctls = sample.value(SYSCTLS) or {}
    return Situation(
        settings=ports.settings,
        delay=take_over_delay(ports.reuse),
        timestamps=sysctls.get("tcp_timestamps") != 0,
        bound=report is not None and report.bound_before(pool.usage),
        explicit=bool(pool.key.ports),
    )


def _time(pressure: Pressure) -> str:
    left = pressure.seconds_left
    told = time_left(pressure)
    finite = not pressure.is_full and left is not None and math.isfinite(left)
    return f"full in {told}" if finite else told


def _time_projected(found: Projection) -> str:
    if found.seconds == 0:
        return "still full"
    if math.isfinite(found.seconds):
        return f"full in {duration(found.seconds)}"
    return NOT_SOON if found.growing or found.ratio >= 1 else "never at this rate"


def _ratio(found: Projection) -> str:
    said = f"projected {percent(found.ratio)}"
    if found.peak_ratio < found.ratio + WORTH_SAYING:
        return said
    return f"{said}, up to {percent(found.peak_ratio)} at the peaks of the last minute"
