"""A finite resource as the page shows it: its words, its bar and the line of its last hour."""

from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

from tcp_pressure_exporter.pages.snapshot import Snapshot
from tcp_pressure_exporter.pages.status.sparkline import Sparkline, sparkline
from tcp_pressure_exporter.verdict.assessment import Pressure
from tcp_pressure_exporter.verdict.history import SeriesKey
from tcp_pressure_exporter.verdict.resources import ResourceWords
from tcp_pressure_exporter.verdict.words import percent

BAR_DIGITS = 1  # of a per cent


class Bar(NamedTuple):
    """Per cent of the limit. waiting: held by TIME_WAIT alone; held: everything else in use."""

    held: float
    waiting: float


class PressureRow(NamedTuple):
    """One resource. key: the same for the same resource; line: None without a past."""

    key: str
    words: ResourceWords
    bar: Bar
    line: Sparkline | None


def pressure_rows(
    snapshot: Snapshot, netns: str, resources: Iterable[ResourceWords]
) -> tuple[PressureRow, ...]:
    """Return the rows of some resources of a namespace."""
    return tuple(_row(snapshot, netns, words) for words in resources)


def _row(snapshot: Snapshot, netns: str, words: ResourceWords) -> PressureRow:
    line = snapshot.line(SeriesKey(netns, words.pressure.kind, words.name))
    return PressureRow(
        key=f"{crc32(f'{words.kind} {words.name}'.encode(errors='replace')):x}",
        words=words,
        bar=_bar(words.pressure),
        line=sparkline(line, 1.0, percent),
    )


def _bar(pressure: Pressure) -> Bar:
    used = min(pressure.ratio, 1) * 100
    waiting = min((pressure.time_wait or 0) / max(pressure.limit, 1) * 100, used)
    return Bar(round(used - waiting, BAR_DIGITS), round(waiting, BAR_DIGITS))
