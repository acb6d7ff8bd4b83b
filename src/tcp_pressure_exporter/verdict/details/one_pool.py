"""One finite resource alone, in words: what holds it, its closes, what lies ahead."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from tcp_pressure_exporter.figures import counted, duration, percent
from tcp_pressure_exporter.pools.forecast import Outlook
from tcp_pressure_exporter.pools.table import ListedPool, pool_name
from tcp_pressure_exporter.pools.usage import (
    Usage,
    closes_each_second,
    closes_per_second,
    whole_seconds,
)
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.resources import (
    ResourceWords,
    heads_for,
    resource_words,
    search,
    subject,
    time_left,
    used_of_limit,
)
from tcp_pressure_exporter.verdict.words import UNKNOWN, Labelled, capitalised


class AloneWords(NamedTuple):
    """A resource alone.

    figures: each with its label. ages: the closes in each second, the latest first; empty where
    they are not known.
    """

    title: str
    words: ResourceWords
    figures: tuple[Labelled, ...]
    ages: tuple[int, ...]


def alone_words(sample: NamespaceSample, pressure: Pressure) -> AloneWords:
    """Return what is known about one resource in a sample."""
    pool = pool_of(sample, pressure)
    ages = pool.usage.ages if pool else None
    return AloneWords(
        title=capitalised(subject(pressure)),
        words=resource_words(pressure),
        figures=tuple(_figures(pressure, pool)),
        ages=() if ages is None else tuple(whole_seconds(closes_each_second(ages))),
    )


def pool_of(sample: NamespaceSample, pressure: Pressure) -> ListedPool | None:
    """Return the listed pool that a pressure is about, None if it is not about a pool."""
    table = sample.pool_tables().get(pressure.kind)
    names = {pool_name(pressure.kind, pool): pool for pool in table.listed} if table else {}
    return names.get(pressure.name)


def _figures(pressure: Pressure, pool: ListedPool | None) -> Iterator[Labelled]:
    share = UNKNOWN if pressure.limit is None else percent(pressure.ratio)
    yield Labelled("used", f"{used_of_limit(pressure)} ({share})")
    if pool is not None:
        yield from _held(pool.usage)
        yield from _closes(pool)
    if pays := search(pressure):
        yield Labelled("cost", pays)
    yield Labelled("time left", _forecast(pressure))


def _held(usage: Usage) -> Iterator[Labelled]:
    live = max(usage.live - usage.blocked, 0)
    yield Labelled("held by", f"{counted(live, 'live socket')}, {_waiting(usage)}{_blocked(usage)}")


def _waiting(usage: Usage) -> str:
    if usage.time_wait is None:
        return "TIME_WAIT unknown"
    waiting = usage.time_wait - (usage.reclaimable or 0)
    return f"{waiting:,} in TIME_WAIT for up to {duration(usage.hold)}"


def _blocked(usage: Usage) -> str:
    return f", {usage.blocked:,} bound or listening" if usage.blocked else ""


def _closes(pool: ListedPool) -> Iterator[Labelled]:
    ages, outlook = pool.usage.ages, pool.outlook
    if ages is None or outlook is None:
        return
    now = f"{closes_per_second(ages):,.0f} per second over the last 10 s"
    most = f"peak {outlook.peak_closes:,} in one second of the last minute"
    yield Labelled("closes", f"{now}, {most}")
    yield Labelled("sustainable", _bears(outlook))


def _bears(outlook: Outlook) -> str:
    return f"{outlook.sustainable_closes:,.0f} closes per second"


def _forecast(pressure: Pressure) -> str:
    left = pressure.seconds_left
    told = time_left(pressure)
    if not pressure.is_full and left is not None and math.isfinite(left):
        told = f"full in {told} at this rate"
    going = heads_for(pressure)
    return f"{told}; projected {going}" if going else told
