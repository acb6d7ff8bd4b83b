"""The parts of the page that have rows and lines of their own: pools, other limits, sockets."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tcp_pressure_exporter.facts.sockets import STATE_NAMES
from tcp_pressure_exporter.pages.snapshot import Judged, Snapshot
from tcp_pressure_exporter.pages.status.rows import PressureRow, Sparkline, pressure_rows, sparkline
from tcp_pressure_exporter.sample.sample import SOCKETS
from tcp_pressure_exporter.verdict.details.pool_directions import (
    DirectionWords,
    directions,
    most_common,
    other_resources,
)
from tcp_pressure_exporter.verdict.past.history import SeriesKey, by_state

MAX_POOLS = 10  # per direction
MAX_OTHERS = 20


class PoolSection(NamedTuple):
    """The pools of one direction; rows: those of `words`, drawn. urgent: one is not calm."""

    key: str
    words: DirectionWords
    rows: tuple[PressureRow, ...]
    urgent: bool


class LimitSection(NamedTuple):
    """Resources that are not pools. totals: in a few words. urgent: one is not calm."""

    rows: tuple[PressureRow, ...]
    totals: str
    urgent: bool


class StateTile(NamedTuple):
    """The sockets in one state."""

    name: str
    sockets: int
    line: Sparkline | None


class StateSection(NamedTuple):
    """The sockets of every state. totals: in a few words."""

    tiles: tuple[StateTile, ...]
    totals: str


def pool_sections(snapshot: Snapshot, judged: Judged) -> Iterator[PoolSection]:
    """Yield the known directions, empty ones included."""
    sample, assessment = judged
    for words in directions(sample, assessment.pressures, MAX_POOLS):
        rows = pressure_rows(snapshot, sample.netns, words.rows)
        yield PoolSection(f"pools-{words.direction}", words, rows, _urgent(rows))


def limit_section(snapshot: Snapshot, judged: Judged) -> LimitSection:
    """Return the resources that are not pools."""
    others = other_resources(judged.assessment.pressures, MAX_OTHERS)
    rows = pressure_rows(snapshot, judged.sample.netns, others.rows)
    return LimitSection(rows, others.totals, _urgent(rows))


def _urgent(rows: Iterable[PressureRow]) -> bool:
    return any(row.words.urgent for row in rows)


def state_section(snapshot: Snapshot, judged: Judged) -> StateSection:
    """Return every state, none if they are not known."""
    states = judged.sample.value(SOCKETS)
    if states is None:
        return StateSection((), "")
    counts = by_state(states)
    tiles = (_tile(snapshot, judged, state, counts[state]) for state in STATE_NAMES.values())
    return StateSection(tuple(tiles), most_common(counts))


def _tile(snapshot: Snapshot, judged: Judged, state: str, sockets: int) -> StateTile:
    line = snapshot.line(SeriesKey(judged.sample.netns, SOCKETS.name, state))
    top = max((value for value in line if value is not None), default=0.0)
    shown = sparkline(line, top, lambda value: f"{value:,.0f}") if top else None
    return StateTile(state.upper(), sockets, shown)
