"""The shape of the dashboards: what Grafana provisions, and what its users rely on."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.metric_names import documented_names, names_in
from tests.grafana.dashboard import FOLDER, load, panels, queries, variables

DASHBOARDS = sorted(FOLDER.glob("*.json"))
STATES = (
    *("established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait"),
    *("close", "close_wait", "last_ack", "listen", "closing"),
)
SELECTOR = re.compile(r"\b((?:tcp_pressure|process|python)_\w+|up|ALERTS)\b(\{[^}]*\})?")

every_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def datasources(node: Any) -> list[Any]:
    """Return every value under a key `datasource`, at any depth."""
    if isinstance(node, list):
        return [found for item in node for found in datasources(item)]
    if not isinstance(node, dict):
        return []
    own = [node["datasource"]] if "datasource" in node else []
    return own + [found for item in node.values() for found in datasources(item)]


@every_dashboard
def test_grafana_can_provision_it(path: Path) -> None:
    """The classic layout with a stable uid, no database id, and no inputs to be asked for."""
    dashboard = load(path)
    assert dashboard["uid"] == path.stem
    assert dashboard["schemaVersion"] == 42
    assert dashboard["editable"] is False
    assert not {"id", "__inputs", "__requires"} & set(dashboard)


@every_dashboard
def test_the_viewer_chooses_source_job_and_instance(path: Path) -> None:
    """Variables select the data source, and any number of jobs, instances and namespaces."""
    dashboard = load(path)
    found = variables(dashboard)
    assert list(found) == ["datasource", "job", "instance", "netns"]
    assert (found["datasource"]["type"], found["datasource"]["label"]) == (
        "datasource",
        "Data source",
    )
    for name in ("job", "instance", "netns"):
        assert found[name]["multi"]
        assert found[name]["includeAll"]
        assert found[name]["allValue"] == ".+"
        assert found[name]["refresh"] == 2  # when the time range changes
    assert {source["uid"] for source in datasources(dashboard)} == {"${datasource}"}


@every_dashboard
def test_each_query_keeps_to_the_chosen_job_and_instance(path: Path) -> None:
    """No selector shows another job's or host's series; rates only of counters."""
    for query in queries(load(path)):
        selectors = SELECTOR.findall(query.expression)
        assert selectors, query
        for _name, matchers in selectors:
            assert 'job=~"$job"' in matchers, query
            assert 'instance=~"$instance"' in matchers, query
        for inner in re.findall(r"rate\(([^)]*)\)", query.expression):
            assert re.fullmatch(r"\w+_total\{[^}]*\}\[\$__rate_interval\]", inner), query


@every_dashboard
def test_each_panel_explains_itself(path: Path) -> None:
    """Title, description, what is normal, what to do, unit, and words for the absence of data."""
    for panel in panels(load(path)):
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["title"]
        assert panel["targets"]
        assert re.search("Normal:|Do:", panel["description"]), panel["title"]
        assert defaults["unit"], panel["title"]
        assert defaults["noValue"], panel["title"]


@every_dashboard
def test_no_panel_hides_another(path: Path) -> None:
    """Ids are unique; panels lie inside the 24 columns and do not overlap."""
    every = load(path)["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    for panel in every:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]
    for a, b in itertools.combinations(every, 2):
        assert not overlap(a["gridPos"], b["gridPos"]), (a["title"], b["title"])


def overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    return (
        a["x"] < b["x"] + b["w"]
        and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"]
        and b["y"] < a["y"] + a["h"]
    )


def test_each_tcp_state_has_a_colour_of_its_own() -> None:
    """A state looks the same whichever other states are present."""
    dashboard = load(FOLDER / "tcp-pressure-overview.json")
    (panel,) = (p for p in panels(dashboard) if p["title"] == "Connections by state")
    colours = {
        override["matcher"]["options"]: override["properties"][0]["value"]["fixedColor"]
        for override in panel["fieldConfig"]["overrides"]
    }
    assert set(colours) == set(STATES)
    assert len(set(colours.values())) == len(STATES)


@every_dashboard
def test_the_dashboard_uses_metrics_that_exist(path: Path) -> None:
    """Every metric of the dashboard is documented in docs/metrics.md."""
    assert names_in(path) <= documented_names()


def test_provisioning_finds_the_dashboards_and_the_data_source() -> None:
    """The provisioning files point Grafana at the mounted dashboards and at one Prometheus."""
    folder = FOLDER.parent / "provisioning"
    (provider,) = yaml.safe_load((folder / "dashboards/tcp-pressure.yml").read_text())["providers"]
    assert provider["type"] == "file"
    assert provider["allowUiUpdates"] is False
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"]
    assert (source["type"], source["access"]) == ("prometheus", "proxy")
