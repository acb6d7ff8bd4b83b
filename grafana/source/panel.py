"""Panels: what Grafana draws, and the words with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grafana.source.query import DATASOURCE, Query
from grafana.source.threshold import Steps

Json = dict[str, Any]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Points of a line: as many as a wide screen shows; this also bounds what a query reads.
MOST_POINTS = 400
POWERS_OF_TWO = {"type": "log", "log": 2}


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What every panel has.

    meaning, normal, action: the description. empty: what is shown if nothing comes back; it says
    whether that is good.
    """

    title: str
    meaning: str
    normal: str
    action: str
    queries: Sequence[Query]
    unit: str
    empty: str
    decimals: int | None = None
    low: float | None = None
    high: float | None = None
    thresholds: Steps | None = None
    mappings: Sequence[Json] = ()
    links: Sequence[Json] = ()

    kind = ""

    def json(self, number: int, place: Json) -> Json:
        """Return the panel as Grafana stores it, at a place in the grid."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": f"{self.meaning}\n\n**Normal:** {self.normal}\n\n**Do:** {self.action}",
            "gridPos": place,
            "datasource": DATASOURCE,
            "maxDataPoints": MOST_POINTS,
            "targets": [
                query.target(letter) for letter, query in zip(LETTERS, self.queries, strict=False)
            ],
            "transformations": self.transformations(),
            "fieldConfig": {"defaults": self.defaults(), "overrides": self.overrides()},
            "options": self.options(),
        }

    def defaults(self) -> Json:
        optional = {"decimals": self.decimals, "min": self.low, "max": self.high}
        return {
            "unit": self.unit,
            "noValue": self.empty,
            **{key: value for key, value in optional.items() if value is not None},
            **({"thresholds": self.thresholds} if self.thresholds else {}),
            "mappings": list(self.mappings),
            "links": list(self.links),
            "color": self.colour_mode(),
            "custom": self.custom(),
        }

    def transformations(self) -> list[Json]:
        return []

    def overrides(self) -> list[Json]:
        return []

    def colour_mode(self) -> Json:
        return {"mode": "thresholds"}

    def custom(self) -> Json:
        return {}

    def options(self) -> Json:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Stat(Panel):
    """One coloured number per series.

    by_series: thresholds of series that differ from the panel's.
    """

    by_series: Mapping[str, Steps] = field(default_factory=dict)

    kind = "stat"

    def overrides(self) -> list[Json]:
        return [override(name, thresholds=threshold) for name, threshold in self.by_series.items()]

    def options(self) -> Json:
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "background",
            "graphMode": "none",
            "textMode": "auto",
            "orientation": "auto",
            "justifyMode": "center",
            "wideLayout": True,
            "showPercentChange": False,
            "percentChangeColorMode": "standard",
            "text": {"titleSize": 12, "valueSize": 20},  # the same on every tile
        }


@dataclass(frozen=True, kw_only=True)
class TimeSeries(Panel):
    """Lines over time; thresholds are areas behind them.

    colours: by series name; others get one by their name, the same on each panel.
    dashed: names of series that are limits. filled: names with the area below coloured.
    right: names whose axis is on the right, with units. beside: the legend is on the right.
    powers_of_two: the scale is logarithmic. stepped: a value holds until the next one.
    at_least: how far the axis goes if no line is that high.
    """

    colours: Mapping[str, str] = field(default_factory=dict)
    dashed: Sequence[str] = ()
    filled: Sequence[str] = ()
    right: Mapping[str, str] = field(default_factory=dict)
    calcs: Sequence[str] = ("lastNotNull", "max")
    stacked: bool = False
    beside: bool = False
    powers_of_two: bool = False
    stepped: bool = False
    at_least: float | None = None

    kind = "timeseries"

    def colour_mode(self) -> Json:
        return {"mode": "palette-classic-by-name"}

    def custom(self) -> Json:
        return {
            "drawStyle": "line",
            "lineInterpolation": "stepAfter" if self.stepped else "linear",
            "scaleDistribution": POWERS_OF_TWO if self.powers_of_two else {"type": "linear"},
            **({} if self.at_least is None else {"axisSoftMax": self.at_least}),
            "lineWidth": 2,
            "fillOpacity": 60 if self.stacked else 0,
            "showPoints": "never",
            "spanNulls": False,  # a gap is the truth: nothing was sampled
            "stacking": {"mode": "normal" if self.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "area" if self.thresholds else "off"},
        }

    def overrides(self) -> list[Json]:
        every: dict[str, Json] = {}
        for name, colour in self.colours.items():
            every.setdefault(name, {})["color"] = {"mode": "fixed", "fixedColor": colour}
        for name in self.dashed:
            line = {"custom.lineStyle": {"fill": "dash", "dash": [8, 8]}, "custom.fillOpacity": 0}
            every.setdefault(name, {}).update(line)
        for name in self.filled:
            every.setdefault(name, {})["custom.fillOpacity"] = 40
        for name, unit in self.right.items():
            every.setdefault(name, {}).update({"custom.axisPlacement": "right", "unit": unit})
        return [override(name, **properties) for name, properties in every.items()]

    def options(self) -> Json:
        return {
            "legend": {
                "showLegend": True,
                "displayMode": "table" if self.calcs else "list",
                "placement": "right" if self.beside else "bottom",
                "calcs": list(self.calcs),
                "sortBy": "Min" if "min" in self.calcs else "Max",
                "sortDesc": "min" not in self.calcs,
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        }


def override(name: str, **properties: object) -> Json:
    """Return an override for the field with exactly this name."""
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def texts(words: Mapping[str, str], colours: Mapping[str, str] | None = None) -> Json:
    """Return a mapping that shows words, and colours, in place of values."""
    options = {
        value: {"text": text, "index": index}
        | ({"color": colours[value]} if colours and value in colours else {})
        for index, (value, text) in enumerate(words.items())
    }
    return {"type": "value", "options": options}
