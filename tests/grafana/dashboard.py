"""Reads a Grafana dashboard as browsers do: panels, queries, variables, legends."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.places import ROOT

FOLDER = ROOT / "grafana" / "dashboards"
DASHBOARDS = sorted(FOLDER.glob("*.json"))
VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|([a-z_]\w*))")  # $1 is PromQL's


@dataclass(frozen=True)
class Query:
    """One query of a panel, and how its series are named (None in a table)."""

    panel: str
    expression: str
    legend: str | None
    instant: bool

    def name_of(self, labels: Mapping[str, str]) -> str:
        """Return the legend of a series; a table shows every label."""
        if self.legend is None:
            return str(sorted(labels.items()))
        return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), self.legend)


def load(path: Path) -> dict[str, Any]:
    dashboard: dict[str, Any] = json.loads(path.read_text())
    return dashboard


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the panels that show data; rows are headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard: Mapping[str, Any]) -> Iterator[Query]:
    for panel in panels(dashboard):
        yield from queries_of(panel)


def queries_of(panel: Mapping[str, Any]) -> Iterator[Query]:
    for target in panel["targets"]:
        legend = None if target.get("format") == "table" else target["legendFormat"]
        yield Query(panel["title"], target["expr"], legend, target["instant"])


def variables(dashboard: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def interpolate(expression: str, values: Mapping[str, str]) -> str:
    """Replace $name, ${name} and ${name:format}; an unknown variable raises KeyError."""
    return VARIABLE.sub(lambda found: values[found[1] or found[2]], expression)
