"""The parts of the page that have rows and lines of their own: pools, other limits, sockets."""

from collections.abc import Iterator
from typing import NamedTuple

from tcp_pressure_exporter.facts.sockets import STATE_NAMES
from tcp_pressure_exporter.pages.snapshot import Judged, Snapshot
from tcp_pressure_exporter.pages.status.rows import PressureRow, Sparkline, pressure_rows, sparkline
from tcp_pressure_exporter.sample.sample import SOCKETS
from tcp_pressure_exporter.verdict.details.pool_directions import (
    DirectionWords,
    directions,
    other_resources,
)
from tcp_pressure_exporter.verdict.past.history import SeriesKey, by_state

MAX_POOLS = 10  # of one direction
MAX_OTHERS = 20


class PoolSection(NamedTuple):
    """The pools of one direction; rows: those of `words`, drawn."""

    words: DirectionWords
    rows: tuple[PressureRow, ...]


class LimitSection(NamedTuple):
    """What is no pool; more: how many are left out."""

    rows: tuple[PressureRow, ...]
    more: int


class StateTile(NamedTuple):
    """The sockets in one state."""

    name: str
    sockets: int
    line: Sparkline | None


def pool_sections(snapshot: Snapshot, judged: Judged) -> Iterator[PoolSection]:
    """Yield the directions that are known, empty ones included."""
    sample, assessment = judged
    for words in directions(sample, assessment.pressures, MAX_POOLS):
        yield PoolSection(words, pressure_rows(snapshot, sample.netns, words.rows))


def limit_section(snapshot: Snapshot, judged: Judged) -> LimitSection:
    """Return what is no pool."""
    resources, more = other_resources(judged.assessment.pressures, MAX_OTHERS)
    return LimitSection(pressure_rows(snapshot, judged.sample.netns, resources), more)


def state_tiles(snapshot: Snapshot, judged: Judged) -> tuple[StateTile, ...]:
    """Return every state, none where they are not known."""
    states = judged.sample.value(SOCKETS)
    if states is None:
        return ()
    counts = by_state(states)
    return tuple(_tile(snapshot, judged, state, counts[state]) for state in STATE_NAMES.values())


def _tile(snapshot: Snapshot, judged: Judged, state: str, sockets: int) -> StateTile:
    line = snapshot.line(SeriesKey(judged.sample.netns, SOCKETS.name, state))
    top = max((value for value in line if value is not None), default=0.0)
    shown = sparkline(line, top, lambda value: f"{value:,.0f}") if top else None
    return StateTile(state.upper(), sockets, shown)
