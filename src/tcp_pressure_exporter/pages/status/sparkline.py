"""The last hour as a line of a few dozen points: the data of an SVG path, and the same in words."""

from collections.abc import Callable
from typing import NamedTuple

from tcp_pressure_exporter.verdict.history import POINTS, Line
from tcp_pressure_exporter.verdict.words import last_hour

WIDTH, HEIGHT = 60, 20  # of the SVG's view box
_JOINED = POINTS // WIDTH  # points of the history that are one of the line


class Sparkline(NamedTuple):
    """path: the attribute d of an SVG path. words: for those who do not see it."""

    path: str
    words: str


def sparkline(line: Line, top: float, words: Callable[[float], str]) -> Sparkline | None:
    """Return the line of an hour that ends now, `top` being its upper edge; None without a past.

    words: says a value.
    """
    known = [value for value in line if value is not None]
    if not known:
        return None
    return Sparkline(_path(_thinned(line), top), last_hour(known, words))


def _thinned(line: Line) -> Line:
    """Return WIDTH values; of several points the highest."""
    whole = [None] * (POINTS - len(line)) + line
    parts = (whole[start : start + _JOINED] for start in range(0, POINTS, _JOINED))
    return [max((value for value in part if value is not None), default=None) for part in parts]


def _path(line: Line, top: float) -> str:
    """Return the path, in steps from point to point, which is shortest.

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
