"""The plot: forecasts against the truth over time, one panel per load."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks.forecast.forecasters import CHOSEN, LINEAR, LINEAR_AFTER_IDLENESS, Forecaster
from benchmarks.forecast.judging import read
from benchmarks.forecast.tables import INTERVAL
from benchmarks.forecast.trace import Trace
from benchmarks.svg import Point, document, line, polyline, text

SHOWN = (
    "constant, 80/s",
    "step, 30 to 55/s",
    "ramp, 20 to 80/s in 220 s",
    "leak, 10/s beside 30/s",
    "burst, 400/s for 6 s",
    "burst, 400/s for 5 s, fits",
)
COLUMNS = 3
PANEL_WIDTH, PANEL_HEIGHT = 300.0, 210.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 16.0, 34.0, 34.0  # inside each panel
HEAD = 84.0
LIMIT = 120.0  # seconds: forecasts beyond are not drawn
TICKS = (0, 30, 60, 90, 120)
TIME_STEP = 30
TRUTH = "#888"
CURVES = (
    (LINEAR_AFTER_IDLENESS, "#2b8a3e", "the same, on a host scraped while idle before"),
    (LINEAR, "#1c7ed6", "predict_linear over 5 m, a scrape every 15 s"),
    (CHOSEN, "#d9480f", f"forecast, a poll every {INTERVAL} s"),
)
TITLE = "Seconds until a pool of 3,000 ports is full: forecast and truth"


class Panel(NamedTuple):
    """Where one load is drawn; `seconds` is how much time it shows."""

    left: float
    top: float
    seconds: float

    def at(self, time: float, remaining: float) -> Point:
        """Return the pixel of a forecast."""
        width, height = PANEL_WIDTH - LEFT - RIGHT, PANEL_HEIGHT - TOP - BOTTOM
        x = self.left + LEFT + width * time / self.seconds
        return x, self.top + TOP + height * (1 - remaining / LIMIT)


def forecast_chart(traces: Sequence[Trace]) -> str:
    """Return the SVG of the loads it shows."""
    by_name = {trace.name: trace for trace in traces}
    shown = [by_name[name] for name in SHOWN if name in by_name]
    rows = -(-len(shown) // COLUMNS)
    elements = [*_head()]
    for number, trace in enumerate(shown):
        row, column = divmod(number, COLUMNS)
        panel = Panel(column * PANEL_WIDTH, HEAD + row * PANEL_HEIGHT, trace.polls[-1].time)
        elements += _panel(panel, trace)
    return document(COLUMNS * PANEL_WIDTH, HEAD + rows * PANEL_HEIGHT, TITLE, elements)


def _head() -> Iterator[str]:
    yield text((LEFT, 24), TITLE, class_="title")
    yield text((LEFT, 48), "across: seconds since the start of the load")
    names = [(name, colour) for _forecaster, colour, name in reversed(CURVES)]
    places = ((360, 48), (560, 48), (LEFT, 70), (400, 70))
    for place, (name, colour) in zip(places, [("truth (dashed)", TRUTH), *names], strict=True):
        yield text(place, name, style=f"fill: {colour}; font-weight: 600")


def _panel(panel: Panel, trace: Trace) -> Iterator[str]:
    outcome = "" if trace.full_at is not None else ": never full"
    yield text((panel.left + LEFT, panel.top + 22), f"{trace.name}{outcome}")
    yield from _grid(panel)
    if trace.full_at is not None:
        shown = min(trace.full_at, LIMIT)
        start, end = panel.at(trace.full_at - shown, shown), panel.at(trace.full_at, 0)
        yield line(start, end, stroke=TRUTH, stroke_width=2, stroke_dasharray="5 4")
    for forecaster, colour, _name in CURVES:
        for points in _curves(panel, trace, forecaster):
            yield polyline(points, colour)


def _grid(panel: Panel) -> Iterator[str]:
    for tick in TICKS:
        start = panel.at(0, tick)
        yield line(start, panel.at(panel.seconds, tick), class_="grid")
        yield text((start[0] - 6, start[1] + 4), str(tick), text_anchor="end")
    for time in range(0, int(panel.seconds) + 1, TIME_STEP):
        x, y = panel.at(time, 0)
        yield text((x, y + 18), str(time), text_anchor="middle")


def _curves(panel: Panel, trace: Trace, forecaster: Forecaster) -> list[list[Point]]:
    """Return, as steps, the stretches in which the forecast is not beyond the limit."""
    curves: list[list[Point]] = []
    seen = False
    interval = forecaster.interval or INTERVAL
    for reading in read(forecaster, trace, interval):
        if (shown := reading.forecast <= LIMIT) and not seen:
            curves.append([])
        if shown:
            until = min(reading.time + interval, trace.full_at or panel.seconds, panel.seconds)
            curves[-1] += [panel.at(time, reading.forecast) for time in (reading.time, until)]
        seen = shown
    return curves
