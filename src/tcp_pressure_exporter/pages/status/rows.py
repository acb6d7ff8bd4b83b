"""A finite resource as the page shows it: its bar, its figures, and its last hour as a line."""

from collections.abc import Callable, Iterable
from typing import NamedTuple
from zlib import crc32

from tcp_pressure_exporter.figures import percent
from tcp_pressure_exporter.pages.snapshot import Snapshot
from tcp_pressure_exporter.verdict.past.history import POINTS, Line, SeriesKey
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.resources import ResourceWords
from tcp_pressure_exporter.verdict.words import last_hour

WIDTH, HEIGHT = 60, 20  # of the SVG's view box
_JOINED = POINTS // WIDTH  # points of the history that make one point of the line


class Sparkline(NamedTuple):
    """path: the attribute d of an SVG path. words: for people who cannot see it."""

    path: str
    words: str


def sparkline(line: Line, top: float, words: Callable[[float], str]) -> Sparkline | None:
    """Return the line of the hour that ends now, with `top` as its upper edge; None without a past.

    words: writes a value.
    """
    known = [value for value in line if value is not None]
    if not known:
        return None
    return Sparkline(_path(_thinned(line), top), last_hour(known, words))


def _thinned(line: Line) -> Line:
    """Return WIDTH values, each the highest of several points."""
    whole = [None] * (POINTS - len(line)) + line
    parts = (whole[start : start + _JOINED] for start in range(0, POINTS, _JOINED))
    return [max((value for value in part if value is not None), default=None) for part in parts]


def _path(line: Line, top: float) -> str:
    """Return the path in relative steps from point to point, the shortest form.

    The pen is lifted at gaps, and a lone point is a dash.
    """
    steps = []
    before: int | None = None
    for x, value in enumerate(line):
        y = None if value is None else HEIGHT - round(HEIGHT * min(value / (top or 1), 1))
        if y is not None:
            steps.append(f"M{x} {y}h1" if before is None else _step(y - before))
        before = y
    return "".join(steps)


def _step(down: int) -> str:
    return f"l1{down: d}".replace(" -", "-") if down else "h1"


BAR_DIGITS = 1  # of a per cent


class Bar(NamedTuple):
    """Percentages of the limit. waiting: held only by TIME_WAIT; held: everything else in use."""

    held: float
    waiting: float


class PressureRow(NamedTuple):
    """One resource. key: always the same for one resource; line: None without a past."""

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
    waiting = min((pressure.time_wait or 0) / max(pressure.limit or 0, 1) * 100, used)
    return Bar(round(used - waiting, BAR_DIGITS), round(waiting, BAR_DIGITS))
