"""Where panels go: shelves of panels from top to bottom, under headings."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana.source.panel import Json, Panel

COLUMNS = 24  # of Grafana's grid; a unit of height is 38 pixels


@dataclass(frozen=True)
class Shelf:
    """Panels of one height, side by side, each with its width in columns."""

    height: int
    panels: Sequence[tuple[int, Panel]]


@dataclass(frozen=True)
class Section:
    """Shelves under a heading; without a title there is no heading."""

    title: str
    shelves: Sequence[Shelf]


def arrange(sections: Sequence[Section]) -> list[Json]:
    """Return the panels with ids and places, starting at the top left."""
    placed: list[Json] = []
    y = 0
    for section in sections:
        if section.title:
            placed.append(_heading(section.title, len(placed) + 1, y))
            y += 1
        for shelf in section.shelves:
            x = 0
            for width, panel in shelf.panels:
                place = {"x": x, "y": y, "w": width, "h": shelf.height}
                placed.append(panel.json(len(placed) + 1, place))
                x += width
            y += shelf.height
    return placed


def _heading(title: str, number: int, y: int) -> Json:
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
        "panels": [],
    }
