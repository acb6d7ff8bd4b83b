"""Every panel of the dashboards, on a real Prometheus's data from a real exporter under load."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.grafana.dashboard import (
    DASHBOARDS,
    Query,
    interpolate,
    load,
    panels,
    queries_of,
    variables,
)
from tests.grafana.pressed_hosts import CLUSTER, JOB, POOL, pressed_hosts
from tests.support.labs.prometheus_server import PrometheusServer, Series

OF_BPF = re.compile("_failures_total|_port_failure|_port_failures|_active_closes")
PANELS = [(path.stem, panel) for path in DASHBOARDS for panel in panels(load(path))]
# From another host: not the pressed one, which is a network namespace on this kernel.
OF_ANOTHER = {
    *("Orphans", "TCP memory", "Other network namespaces"),
    "Refused bind() by host and program",
}
# Labels that are empty, and so absent, if the kernel or the rights do not give them.
MAY_BE_ABSENT = {"service", "process"}
EVERY = dict.fromkeys(("job", "instance"), ".+") | dict.fromkeys(
    ("cluster", "server", "netns", "direction", *POOL), ".*"
)
FILLED_IN = {"__rate_interval": "10s", "__range": "60s"}


@dataclass(frozen=True)
class Pressed:
    """Prometheus, and what Grafana fills in if the viewer has chosen the pressed host."""

    prometheus: PrometheusServer
    chosen: Mapping[str, str]

    def ask(self, query: Query, values: Mapping[str, str]) -> list[Series]:
        """Query as Grafana does, once the query has an answer."""
        expression = interpolate(query.expression, {**values, **FILLED_IN})
        found = self.prometheus.wait_for(expression)
        return found if query.instant else self.prometheus.query_range(expression)


@pytest.fixture(scope="module")
def pressed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pressed]:
    with pressed_hosts(tmp_path_factory.mktemp("pressed")) as (prometheus, instance):
        prometheus.wait_for(f'tcp_pressure_pools{{instance="{instance}"}}')
        host = {
            "cluster": CLUSTER,
            "job": JOB,
            "instance": re.escape(instance).replace("\\", "\\\\"),
            "server": ".+",
        }
        yield Pressed(prometheus, host | {"netns": "host", "direction": "outbound"} | POOL)


def counted(query: Query) -> bool:
    """Return whether the query asks for what only BPF counts."""
    return bool(OF_BPF.search(query.expression))


every_panel = pytest.mark.parametrize(
    "panel",
    [
        pytest.param(
            panel,
            id=f"{stem}: {panel['title']}",
            marks=[pytest.mark.bpf] if any(map(counted, queries_of(panel))) else [],
        )
        for stem, panel in PANELS
    ],
)


@every_panel
def test_each_query_finds_numbers(pressed: Pressed, panel: dict[str, Any]) -> None:
    """For all hosts, and for one pool of one, each query gives numbers under distinct names."""
    for query in queries_of(panel):
        for values in (EVERY, EVERY if panel["title"] in OF_ANOTHER else pressed.chosen):
            found = pressed.ask(query, values)
            assert found, query.expression
            assert not any(math.isnan(value) for series in found for _time, value in series.points)
            names = Counter(query.name_of(series.labels) for series in found)
            assert set(names.values()) == {1}, names
            assert all(name.strip() for name in names)


@every_panel
def test_each_override_meets_a_field(pressed: Pressed, panel: dict[str, Any]) -> None:
    """Colours, units and columns are set for returned names; a table shows nothing else."""
    overridden = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
    fields = fields_of(pressed, panel)
    assert overridden - MAY_BE_ABSENT <= fields
    if panel["type"] == "table":
        assert fields - {"Time"} <= overridden | set(excluded(panel))
        titles = {
            setting["value"]
            for override in panel["fieldConfig"]["overrides"]
            for setting in override["properties"]
            if setting["id"] == "displayName"
        }
        assert {column["displayName"] for column in panel["options"]["sortBy"]} <= titles


def fields_of(pressed: Pressed, panel: dict[str, Any]) -> set[str]:
    """Return the names of the fields that Grafana makes from the answers: legends, or columns."""
    fields = set()
    for letter, query in zip("ABCDEFGHIJ", queries_of(panel), strict=False):
        series = pressed.ask(query, EVERY)
        if query.legend is not None:
            fields |= {query.name_of(one.labels) for one in series}
            continue
        many = len(panel["targets"]) > 1
        fields |= {"Time", f"Value #{letter}" if many else "Value"}
        fields |= {label for one in series for label in one.labels}
    return fields


def excluded(panel: dict[str, Any]) -> dict[str, bool]:
    (organize,) = [step for step in panel["transformations"] if step["id"] == "organize"]
    names: dict[str, bool] = organize["options"]["excludeByName"]
    return names


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_each_variable_has_values(pressed: Pressed, path: Path) -> None:
    """The menus at the top of the dashboard are not empty, and none lists every host."""
    for variable in variables(load(path)).values():
        if variable["type"] != "query":
            continue
        query = interpolate(variable["query"]["query"], EVERY)
        listed = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
        if listed:
            assert variable["name"] in {"cluster", "job"}
            pressed.prometheus.wait_for(f"count by ({listed[2]}) ({listed[1]})")
            continue
        found = re.fullmatch(r"query_result\((topk\(100, max by \((\w+)\) .+\))\)", query)
        assert found, variable
        assert variable["regex"] == f'/{found[2]}="([^"]+)"/'
        # Grafana's data source shows a sample as text, and the menu has what the pattern matches.
        samples = [text_of(series) for series in pressed.prometheus.wait_for(found[1])]
        assert any(re.search(variable["regex"].strip("/"), sample) for sample in samples)


def text_of(series: Series) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in series.labels.items())
    return f"{{{labels}}} {series.value}"


def marks(path: Path) -> list[Any]:
    return [
        pytest.param(
            annotation,
            id=f"{path.stem}: {annotation['name']}",
            marks=[pytest.mark.bpf] if OF_BPF.search(annotation["expr"]) else [],
        )
        for annotation in load(path)["annotations"]["list"]
    ]


@pytest.mark.parametrize("annotation", [mark for path in DASHBOARDS for mark in marks(path)])
def test_each_annotation_marks_moments(pressed: Pressed, annotation: dict[str, Any]) -> None:
    """Each finds what it marks, as Grafana draws it: wherever a value is above 0, with words."""
    assert re.fullmatch(r"\d+s", annotation["step"])
    query = Query(annotation["name"], annotation["expr"], annotation["titleFormat"], instant=False)
    found = [
        series
        for series in pressed.ask(query, EVERY)
        if any(value > 0 for _time, value in series.points)
    ]
    assert found
    assert all(query.name_of(series.labels).strip() for series in found)
