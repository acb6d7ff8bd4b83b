"""The figures of each run that was kept: one line each in history.jsonl, and all as a plot."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.budgets import MAX_RATIO, MAX_RATIO_LIGHT
from benchmarks.chart import LABEL_HEIGHT, spread
from benchmarks.contenders import BY_BPF
from benchmarks.paths import HERE, ROOT
from benchmarks.results import Case, Results, Row
from benchmarks.svg import Point, document, dot, line, polyline, text

HISTORY = HERE / "history.jsonl"
WIDTH, HEIGHT = 860.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 60.0, 200.0, 62.0, 56.0
TITLE = "Time for a sample, as a multiple of the kernel's own dump, run by run"
LINES = {
    "ratio_1000000": ("1,000,000 sockets", "#1c7ed6"),
    "ratio_100000": ("100,000 sockets", "#d9480f"),
    "ratio_100000_light": ("70,000 light pools", "#2b8a3e"),
    "bpf_ratio_1000000": ("1,000,000, by BPF", "#9c36b5"),
    "bpf_ratio_100000": ("100,000, by BPF", "#0b8599"),
}


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its day, the commit it measured, and its figures by name.

    Names say what is measured, in what unit, and with how many sockets.
    """

    date: str
    commit: str
    figures: dict[str, float]


def figures_of(results: Results) -> dict[str, float]:
    """Return what is tracked over time from a run of the suite."""
    idle = results.idle
    figures = {
        "idle_percent": idle.core_percent,
        "idle_rss_mb": idle.peak_rss_mb,
        "start_seconds": idle.start_seconds,
    }
    for case in results.cases:
        figures.update(_figures_of(case))
    return figures


def keep(date: str, figures: Mapping[str, float], history: Path = HISTORY) -> None:
    """Add a line for a run of the checked-out commit, and redraw all of them."""
    run = Run(date, checked_out(), dict(figures))
    with history.open("ab") as lines:
        lines.write(msgspec.json.encode(run) + b"\n")
    history.with_suffix(".svg").write_text(history_chart(read(history)))


def read(history: Path = HISTORY) -> list[Run]:
    """Return the runs, oldest first; raises OSError and msgspec.ValidationError."""
    return [msgspec.json.decode(line, type=Run) for line in history.read_bytes().splitlines()]


def newest(runs: Sequence[Run]) -> dict[str, float]:
    """Return each figure from the last run that has it."""
    return {name: figure for run in runs for name, figure in run.figures.items()}


def checked_out() -> str:
    """Return the checked-out commit, shortened; a "+" after it: the product has changed."""
    changed = _git("status", "--porcelain", "--", str(ROOT / "src"))
    return _git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


def _git(*arguments: str) -> str:
    command = ("git", *arguments)
    run = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True)  # noqa: S603 - no shell
    return run.stdout.strip()


def history_chart(runs: Sequence[Run]) -> str:
    """Return the SVG: a line for each case of the suite, with the budgets."""
    drawn = [run for run in runs if LINES.keys() & run.figures.keys()]
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    highest = max(run.figures[name] for run in drawn for name in LINES if name in run.figures)

    def y(ratio: float) -> float:
        return bottom - (bottom - TOP) * ratio / (1.1 * highest)

    elements = [
        text((LEFT, 24), TITLE, class_="title"),
        text((LEFT, 44), "horizontal: the dump itself, the budget, the budget with light pools"),
    ]
    for limit in (1.0, MAX_RATIO, MAX_RATIO_LIGHT):
        elements.append(line((LEFT, y(limit)), (right, y(limit)), class_="grid"))
        elements.append(text((LEFT - 8, y(limit) + 4), f"{limit:g} ×", text_anchor="end"))
    step = (right - LEFT) / max(1, len(drawn) - 1)
    places = {id(run): LEFT + number * step for number, run in enumerate(drawn)}
    for run in drawn:
        elements.append(text((places[id(run)], bottom + 20), run.commit, text_anchor="middle"))
        elements.append(text((places[id(run)], bottom + 38), run.date[5:], text_anchor="middle"))
    ends: dict[str, Point] = {}
    for name, (_label, colour) in LINES.items():
        points = [(places[id(run)], y(run.figures[name])) for run in drawn if name in run.figures]
        elements += [polyline(points, colour), *(dot(point, colour) for point in points)]
        if points:
            ends[name] = points[-1]
    elements += _labels(ends)
    return document(WIDTH, HEIGHT, TITLE, elements)


def _labels(ends: Mapping[str, Point]) -> Iterator[str]:
    heights = spread([point[1] for point in ends.values()], LABEL_HEIGHT)
    for (name, end), height in zip(ends.items(), heights, strict=True):
        label, colour = LINES[name]
        yield text((end[0] + 12, height + 4), label, style=f"fill: {colour}")


def _figures_of(case: Case) -> Iterator[tuple[str, float]]:
    size = f"{case.sockets}_light" if case.light else str(case.sockets)
    ours = _row(case.rows, "exporter, compiled parser")
    theirs = _row(case.rows, "node_exporter")
    if ours:
        yield f"ratio_{size}", ours.ratio
    if ours and theirs:
        yield f"node_exporter_times_{size}", round(theirs.wall_ms / ours.wall_ms, 2)
    if by_bpf := _row(case.rows, BY_BPF):
        yield f"bpf_ratio_{size}", by_bpf.ratio
    if case.daemon:
        yield f"rss_mb_{size}", case.daemon[0].peak_rss_mb
        yield f"scrape_p99_ms_{size}", case.daemon[0].scrape_p99_ms


def _row(rows: Sequence[Row], start: str) -> Row | None:
    return next((row for row in rows if row.contender.startswith(start)), None)
