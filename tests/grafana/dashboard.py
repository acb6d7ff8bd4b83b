"""Reads a Grafana dashboard as its users' browsers do: panels, queries, variables, legends."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "grafana" / "dashboards"


@dataclass(frozen=True)
class Query:
    """One query of a panel, and how its series are to be named (None in a table)."""

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
    """Return the panels that show data: rows are headings, texts are advice."""
    return [panel for panel in dashboard["panels"] if panel["type"] not in {"row", "text"}]


def queries(dashboard: Mapping[str, Any]) -> Iterator[Query]:
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield Query(
                panel["title"],
                target["expr"],
                None if target.get("format") == "table" else target["legendFormat"],
                target.get("instant", False),
            )


def variables(dashboard: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def interpolate(expression: str, values: Mapping[str, str]) -> str:
    """Replace $name and ${name}; a variable that nobody defined raises KeyError."""
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda found: values[found[1] or found[2]], expression)
