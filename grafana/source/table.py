"""Tables: one row per set of labels, one column per label and query."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from grafana.source.colour import CLEAR, NEUTRAL
from grafana.source.panel import LETTERS, Json, Panel, override
from grafana.source.threshold import Steps

HIDDEN = {"viz": True, "legend": False, "tooltip": False}
PLAIN = {"mode": "fixed", "fixedColor": NEUTRAL}
# Links use what a cell shows, so an absent label must stay empty.
NOTHING = ""
# A cell without a value would get the lowest value's colour.
ABSENT = {
    "type": "special",
    "options": {"match": "null+nan", "result": {"text": "-", "color": CLEAR, "index": 99}},
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column: the field from Prometheus, its heading, and how its values are drawn.

    name: a label, or "Value", or with several queries "Value #" and the query's letter. worded:
    words replace its numbers, so it is aligned as text. gauge: a bar in the cell, whose colour
    means nothing without thresholds. hidden: only links use it.
    """

    name: str
    title: str
    width: int | None = None
    unit: str = "string"
    decimals: int | None = None
    thresholds: Steps | None = None
    gauge: bool = False
    coloured: bool = False
    worded: bool = False
    hidden: bool = False
    mappings: Sequence[Json] = ()
    links: Sequence[Json] = ()

    def override(self) -> Json:
        properties: dict[str, Any] = {
            "displayName": self.title,
            "noValue": "-" if self.name.startswith("Value") else NOTHING,
            "custom.width": self.width,
            "unit": self.unit,
            "decimals": self.decimals,
            "thresholds": self.thresholds,
            "custom.align": "left" if self.worded else None,
            "custom.cellOptions": self._cell(),
            "color": PLAIN if self.gauge and not self.thresholds else None,
            "custom.hideFrom": HIDDEN if self.hidden else None,
            "mappings": [*self.mappings, *([ABSENT] if self.coloured else [])] or None,
            "links": list(self.links) or None,
            **({"min": 0, "max": 1} if self.gauge else {}),
        }
        chosen = {key: value for key, value in properties.items() if value is not None}
        return override(self.name, **chosen)

    def _cell(self) -> Json | None:
        if self.gauge:
            return {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
        if self.coloured:
            return {"type": "color-background", "mode": "basic"}
        return None


CLUSTER = Column(name="cluster", title="Cluster", width=80)  # empty if there is no such label


@dataclass(frozen=True, kw_only=True)
class Table(Panel):
    """The rows of all queries, merged by label.

    order: (heading, descending). dropped: meaningless fields.
    """

    columns: Sequence[Column]
    dropped: Sequence[str] = ()
    order: Sequence[tuple[str, bool]] = field(default=())

    kind = "table"

    def transformations(self) -> list[Json]:
        organize = {
            "id": "organize",
            "options": {
                "excludeByName": dict.fromkeys(("Time", *self.dropped), True),
                "indexByName": {column.name: place for place, column in enumerate(self.columns)},
                "renameByName": {},
            },
        }
        merge: Json = {"id": "merge", "options": {}}
        return [merge, organize] if len(self.queries) > 1 else [organize]

    def overrides(self) -> list[Json]:
        return [column.override() for column in self.columns]

    def custom(self) -> Json:
        return {
            "align": "auto",
            "cellOptions": {"type": "auto"},
            "filterable": False,
            "inspect": False,
        }

    def options(self) -> Json:
        return {
            "frameIndex": 0,
            "showHeader": True,
            "cellHeight": "sm",
            "sortBy": [{"displayName": name, "desc": desc} for name, desc in self.order],
        }


def value(number: int) -> str:
    """Return the name of the field that the query of this number gives, if there are several."""
    return f"Value #{LETTERS[number]}"
