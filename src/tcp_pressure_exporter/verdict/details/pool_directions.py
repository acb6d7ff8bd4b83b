"""The pools of each direction in words, and the resources that are not pools."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tcp_pressure_exporter.figures import counted, percent
from tcp_pressure_exporter.findings.kinds import KINDS
from tcp_pressure_exporter.pools.directions import INBOUND, NAT, OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.table import PoolTable
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.resources import ResourceWords, resource_words, subject
from tcp_pressure_exporter.verdict.stuck import StuckWords
from tcp_pressure_exporter.verdict.words import capitalised

NONE = "None in use."
MOST_STATES = 3  # named in one line
DIRECTIONS = (OUTBOUND, INBOUND, NAT, SOURCE)


class DirectionWords(NamedTuple):
    """The pools of one direction: totals of all, the fullest first, and what the others use.

    pools: how many there are. none: what to say if there are none.
    fullest_of_minute: the highest ratio in the last minute. used_by_others: "" for nothing.
    """

    direction: str
    title: str
    pools: int
    none: str
    fullest: str
    fullest_of_minute: str
    rows: tuple[ResourceWords, ...]
    used_by_others: str

    @property
    def totals(self) -> str:
        """All of them in a few words."""
        if not self.pools:
            return self.none
        fullest = f"the fullest is {self.fullest} full now, {self.fullest_of_minute} at most"
        others = f" Pools not shown use {self.used_by_others}." if self.used_by_others else ""
        return f"{self.pools:,} in use; {fullest} in the last minute.{others}"


def directions(
    sample: NamespaceSample, pressures: Sequence[Pressure], most: int
) -> Iterator[DirectionWords]:
    """Yield the known directions, empty ones included, each with at most `most` rows.

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
        direction=direction,
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
    return f"None in use; a new one starts {taken} full." if taken else NONE


def none_in_use(told: Iterable[DirectionWords], stuck: StuckWords | None) -> str:
    """Say in one line what there are none of: pools of a direction, and stuck connections."""
    empty = [one for one in told if not one.pools]
    plain = [f"{KINDS[one.direction].words}s" for one in empty if one.none == NONE]
    said = [f"None in use: {', '.join(plain)}."] if plain else []
    said += [f"{one.title}: {one.none}" for one in empty if one.none != NONE]
    if stuck is not None and not stuck.causes:
        said.append("No connection is stuck in CLOSE_WAIT.")
    return " ".join(said)


class OtherWords(NamedTuple):
    """Resources that are not pools; totals: all of them in a few words."""

    rows: tuple[ResourceWords, ...]
    totals: str


def other_resources(pressures: Sequence[Pressure], most: int) -> OtherWords:
    """Return at most `most` resources that are not pools."""
    others = [pressure for pressure in pressures if pressure.kind not in DIRECTIONS]
    if not others:
        return OtherWords((), "")
    fullest = max(others, key=lambda one: one.ratio)
    more = len(others) - most
    left_out = f" {counted(more, 'limit')} not shown." if more > 0 else ""
    totals = f"{len(others)}; the fullest is {subject(fullest)}, {percent(fullest.ratio)}."
    return OtherWords(tuple(map(resource_words, others[:most])), totals + left_out)


def most_common(states: Counter[str]) -> str:
    """Name the states with the most sockets, and their numbers."""
    common = states.most_common(MOST_STATES)
    return ", ".join(f"{count:,} {state.upper()}" for state, count in common if count)
