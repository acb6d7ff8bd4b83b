"""A finite resource as the page shows it: its bar, its line and its figures in words."""

from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

from tcp_pressure_exporter.findings.kinds import KINDS, LISTEN_QUEUE, Severity
from tcp_pressure_exporter.pages.status.snapshot import Snapshot
from tcp_pressure_exporter.pages.status.sparkline import Sparkline, sparkline
from tcp_pressure_exporter.verdict.assessment import Pressure
from tcp_pressure_exporter.verdict.history import SeriesKey
from tcp_pressure_exporter.verdict.words import (
    heads_for,
    owners_words,
    percent,
    time_left,
    used_of_limit,
)

BAR_DIGITS = 1  # of a per cent
MAX_URGENT = 6
CALM_ROWS = 3  # enough to see that it is calm, and what comes next


class Bar(NamedTuple):
    """Per cent of the limit. waiting: held by TIME_WAIT alone; held: everything else in use."""

    held: float
    waiting: float


class PressureRow(NamedTuple):
    """All as text, but for the bar and the line. key: the same for the same resource."""

    key: str
    kind: str
    name: str
    severity: str
    percent: str
    used: str
    time_wait: str
    left: str
    heads_for: str
    owners_label: str
    owners: str
    bar: Bar
    line: Sparkline | None


class Shown(NamedTuple):
    """The rows, and how many are left out."""

    rows: tuple[PressureRow, ...]
    more: int


def closest(snapshot: Snapshot, netns: str, pressures: tuple[Pressure, ...]) -> Shown:
    """Return what is closest to its limit: all that is not calm, or the first few."""
    urgent = sum(pressure.severity > Severity.CALM for pressure in pressures)
    shown = min(max(urgent, CALM_ROWS), MAX_URGENT)
    return Shown(pressure_rows(snapshot, netns, pressures[:shown]), max(urgent - shown, 0))


def pressure_rows(
    snapshot: Snapshot, netns: str, pressures: Iterable[Pressure]
) -> tuple[PressureRow, ...]:
    """Return the rows of some resources of a namespace."""
    return tuple(_row(snapshot, netns, pressure) for pressure in pressures)


def _row(snapshot: Snapshot, netns: str, pressure: Pressure) -> PressureRow:
    kind, waiting = KINDS[pressure.kind].words, pressure.time_wait
    line = snapshot.line(SeriesKey(netns, pressure.kind, pressure.name))
    return PressureRow(
        key=f"{crc32(f'{kind} {pressure.name}'.encode(errors='replace')):x}",
        kind=kind,
        name=pressure.name,
        severity=pressure.severity.name.lower(),
        percent=percent(pressure.ratio),
        used=used_of_limit(pressure),
        time_wait="" if waiting is None else f"{waiting:,}",
        left=time_left(pressure),
        heads_for=heads_for(pressure),
        owners_label="waits for" if pressure.kind == LISTEN_QUEUE else "open connections of",
        owners=owners_words(pressure.owners),
        bar=_bar(pressure),
        line=sparkline(line, 1.0, percent),
    )


def _bar(pressure: Pressure) -> Bar:
    used = min(pressure.ratio, 1) * 100
    waiting = min((pressure.time_wait or 0) / max(pressure.limit, 1) * 100, used)
    return Bar(round(used - waiting, BAR_DIGITS), round(waiting, BAR_DIGITS))
