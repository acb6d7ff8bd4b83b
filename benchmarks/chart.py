"""The plot: how many times as long as the floor each contender takes, by socket count."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.contenders import FLOOR, compared
from benchmarks.results import Case, Results
from benchmarks.svg import Point, document, dot, line, polyline, text

WIDTH, HEIGHT = 860.0, 560.0
LEFT, RIGHT, TOP, BOTTOM = 60.0, 260.0, 62.0, 56.0
LABEL_HEIGHT = 17.0
TICKS = (0.1, 0.2, 0.5, 2, 5, 10, 20, 50, 100)
COLOURS = ("#d9480f", "#2b8a3e", "#1c7ed6", "#9c36b5", "#0b8599", "#a07500", "#c2255c", "#7048e8")
FLOOR_STYLE = "stroke: #888; stroke-width: 2; stroke-dasharray: 7 4"
TITLE = "Time for one look at all TCP sockets, as a multiple of the kernel's own dump"


@dataclass(frozen=True, slots=True)
class Scale:
    """A logarithmic axis: values from `low` to `high` become pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)


def ratio_chart(results: Results) -> str:
    """Return the SVG; hollow dots are the cases with many light pools."""
    names = _contenders(results.cases)
    ratios = [row.ratio for case in results.cases for row in case.rows if row.contender in names]
    sizes = sorted({case.sockets for case in results.cases})
    x = Scale(sizes[0] / 1.3, sizes[-1] * 1.3, LEFT, WIDTH - RIGHT)
    y = Scale(min(0.9, 0.85 * min(ratios)), 1.15 * max(ratios), HEIGHT - BOTTOM, TOP)
    elements = [*_frame(x, y, sizes)]
    ends: dict[str, Point] = {}
    for name, colour in zip(names, COLOURS, strict=False):
        points = [(x(size), y(ratio)) for size, ratio in _ratios(results.cases, name, light=False)]
        elements += [polyline(points, colour), *(dot(point, colour) for point in points)]
        light = _ratios(results.cases, name, light=True)
        elements += [dot((x(size), y(ratio)), colour, hollow=True) for size, ratio in light]
        ends[name] = points[-1]
    elements += _labels(ends)
    return document(WIDTH, HEIGHT, TITLE, elements)


def spread(wanted: Sequence[float], distance: float) -> list[float]:
    """Move positions apart until no two are closer than the distance, keeping their order."""
    placed: dict[int, float] = {}
    last = -math.inf
    for index in sorted(range(len(wanted)), key=wanted.__getitem__):
        last = placed[index] = max(wanted[index], last + distance)
    return [placed[index] for index in range(len(wanted))]


def _contenders(cases: Sequence[Case]) -> list[str]:
    """Return the contenders to draw, in the order of the first case."""
    names = [row.contender for row in cases[0].rows]
    return [name for name in names if name != FLOOR and compared(name)]


def _ratios(cases: Sequence[Case], name: str, *, light: bool) -> list[tuple[int, float]]:
    return [
        (case.sockets, row.ratio)
        for case in cases
        for row in case.rows
        if row.contender == name and case.light is light
    ]


def _frame(x: Scale, y: Scale, sizes: Sequence[int]) -> list[str]:
    right, bottom = x.end, y.start
    elements = [
        text((LEFT, 24), TITLE, class_="title"),
        text((LEFT, 44), "both axes logarithmic; hollow dots: 70,000 light pools"),
        text(((LEFT + right) / 2, HEIGHT - 12), "TCP sockets", text_anchor="middle"),
    ]
    for tick in (tick for tick in TICKS if y.low < tick < y.high):
        elements.append(line((LEFT, y(tick)), (right, y(tick)), class_="grid"))
        elements.append(text((LEFT - 8, y(tick) + 4), f"{tick:g} ×", text_anchor="end"))
    elements.append(line((LEFT, y(1)), (right, y(1)), class_="floor", style=FLOOR_STYLE))
    words = "1 ×, the floor: the kernel's dump, thrown away"
    elements.append(text((right - 4, y(1) + 16), words, text_anchor="end"))
    for size in sizes:
        elements.append(line((x(size), TOP), (x(size), bottom), class_="grid"))
        elements.append(text((x(size), bottom + 20), f"{size:,}", text_anchor="middle"))
    return elements


def _labels(ends: Mapping[str, Point]) -> list[str]:
    """Write each contender's name beside the end of its line."""
    heights = spread([point[1] for point in ends.values()], LABEL_HEIGHT)
    return [
        text((end[0] + 34, height + 4), name, style=f"fill: {colour}")
        for (name, end), height, colour in zip(ends.items(), heights, COLOURS, strict=False)
    ]
