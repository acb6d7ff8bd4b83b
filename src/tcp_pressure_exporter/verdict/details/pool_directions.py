"""The pools of each direction in words, and beside them the resources that are no pools."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tcp_pressure_exporter.figures import counted, percent
from tcp_pressure_exporter.findings.kinds import KINDS
from tcp_pressure_exporter.pools.directions import INBOUND, NAT, OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.table import PoolTable
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.resources import ResourceWords, resource_words
from tcp_pressure_exporter.verdict.words import capitalised

DIRECTIONS = (OUTBOUND, INBOUND, NAT, SOURCE)


class DirectionWords(NamedTuple):
    """The pools of one direction: totals of all, the fullest first, and what the others use.

    pools: how many there are. none: what to say where there are none.
    fullest_of_minute: the highest ratio of the last minute. used_by_others: "" for nothing.
    """

    title: str
    pools: int
    none: str
    fullest: str
    fullest_of_minute: str
    rows: tuple[ResourceWords, ...]
    used_by_others: str


def directions(
    sample: NamespaceSample, pressures: Sequence[Pressure], most: int
) -> Iterator[DirectionWords]:
    """Yield the directions that are known, empty ones included, each with at most so many rows.

    pressures: those of the sample's assessment.
    """
    tables = sample.pool_tables()
    for direction in DIRECTIONS:
        if table := tables.get(direction):
            pools = [pressure for pressure in pressures if pressure.kind == direction]
            yield _direction(direction, table, pools, most)


def _direction(
    direction: str, table: PoolTable, pools: Sequence[Pressure], most: int
) -> DirectionWords:
    fullest_first = sorted(pools, key=lambda pool: -pool.ratio)
    used = table.unlisted_ports_used + sum(pool.used for pool in fullest_first[most:])
    return DirectionWords(
        title=capitalised(f"{KINDS[direction].words}s"),
        pools=table.count,
        none=_none(table),
        fullest=percent(table.ratio_max),
        fullest_of_minute=percent(table.ratio_max_1m),
        rows=tuple(map(resource_words, fullest_first[:most])),
        used_by_others=counted(used, "port") if used else "",
    )


def _none(table: PoolTable) -> str:
    taken = percent(table.ratio_max) if table.ratio_max else ""
    return f"None in use; a new one starts {taken} full." if taken else "None in use."


def other_resources(
    pressures: Sequence[Pressure], most: int
) -> tuple[tuple[ResourceWords, ...], int]:
    """Return at most so many resources that are no pools, and how many more there are."""
    others = [pressure for pressure in pressures if pressure.kind not in DIRECTIONS]
    return tuple(map(resource_words, others[:most])), max(len(others) - most, 0)
