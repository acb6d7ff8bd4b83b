"""The shape of the dashboards: what Grafana provisions, and what users rely on.

This includes the rules of Grafana's dashboard-linter: https://github.com/grafana/dashboard-linter.
"""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.metric_names import documented_names, names_in
from tests.grafana.dashboard import DASHBOARDS, FOLDER, load, panels, queries, variables

STATES = (
    *("established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait"),
    *("close", "close_wait", "last_ack", "listen", "closing"),
)
ROOT = FOLDER.parents[1]
METRIC = r"(?:\w+:)?(?:tcp_pressure|process|python)_\w+(?::\w+)?|up|scrape_\w+|ALERTS\w*"
SELECTOR = re.compile(rf"(?<![\w:\"])({METRIC})(?![\w:(\"])(\{{[^}}]*\}})?")
# Labels the viewer chooses by; the pool's own have one value each.
MANY = ("cluster", "job", "instance", "netns", "direction", "server")
HOSTS = ("cluster", "job", "instance")
POOL = ("local_address", "remote_address", "port")
CHOSEN = {
    "tcp-pressure-overview": (*HOSTS, "netns", "direction"),
    "tcp-pressure-fleet": (*HOSTS, "direction"),
    "tcp-pressure-pool": (*HOSTS, "netns", "direction", *POOL),
    "tcp-pressure-both-ends": (*HOSTS, "server"),
    "tcp-pressure-gateways": (*HOSTS, "netns"),
}
# A line at 100 %, in place of a query.
CONSTANT = "vector(1)"
# Kinds that @grafana/ui draws, with units from Grafana's own list.
KINDS = {"stat", "timeseries", "table"}
UNITS = {"none", "locale", "percentunit", "s", "dtdurations", "bytes", "string"}
WORDED = "suffix:"  # followed by what comes after the number

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
    """The layout is classic, with a stable uid, no database id, and no inputs to ask for."""
    dashboard = load(path)
    assert dashboard["uid"] == path.stem
    assert dashboard["schemaVersion"] == 42
    assert dashboard["editable"] is False
    assert not {"id", "__inputs", "__requires"} & set(dashboard)


@every_dashboard
def test_the_viewer_chooses_what_to_see(path: Path) -> None:
    """Variables choose the data source, and any number of jobs, instances and so on."""
    dashboard = load(path)
    found = variables(dashboard)
    assert list(found) == ["datasource", *CHOSEN[path.stem], "docs"]
    assert (found["datasource"]["type"], found["datasource"]["label"]) == (
        "datasource",
        "Data source",
    )
    for name in CHOSEN[path.stem]:
        assert found[name]["multi"] == (name in MANY)
        assert found[name]["includeAll"]
        assert found[name]["allValue"] == (".+" if name in ("job", "instance") else ".*")
        # When the time range changes; what needs no query is never refreshed.
        assert found[name].get("refresh") == (None if found[name]["type"] == "custom" else 2)
    assert {source["uid"] for source in datasources(dashboard)} == {"${datasource}"}


@every_dashboard
def test_each_query_keeps_to_the_chosen_hosts(path: Path) -> None:
    """No selector shows another job's or host's series, except those recorded for all hosts."""
    for query in queries(load(path)):
        selectors = SELECTOR.findall(query.expression)
        assert selectors or query.expression == CONSTANT, query
        for name, matchers in selectors:
            assert 'cluster=~"$cluster", job=~"$job"' in matchers, query
            if name.startswith("ALERTS"):  # TcpPressureExporterAbsent has no instance
                assert 'instance=~"$instance|"' in matchers, query
            elif not name.startswith("job"):
                assert re.search(r'instance=~"\$(instance|server)"', matchers), query


@every_dashboard
def test_counters_are_shown_as_rates(path: Path) -> None:
    """Rates are of counters, over Grafana's interval; no counter is shown raw.

    A number for the whole time shown is an increase over that time.
    """
    for query in queries(load(path)):
        counter = r"\w+_total\{[^}]*\}"
        grown = r"\b(?:rate|increase)\("
        window = r"\[\$__rate_interval\]" + (r"|\[\$__range\]" if query.instant else "")
        rated = re.findall(rf"{grown}{counter}(?:{window})\)", query.expression)
        assert len(re.findall(grown, query.expression)) == len(rated), query
        assert len(re.findall(r"\w+_total\b", query.expression)) == len(rated), query


@every_dashboard
def test_each_panel_explains_itself(path: Path) -> None:
    """Each has a title, a meaning, what is normal, what to do, a unit, and words for no data."""
    for panel in panels(load(path)):
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["title"]
        assert panel["targets"]
        assert re.fullmatch(
            r"[^*]{20,}\n\n\*\*Normal:\*\* \S.*\n\n\*\*Do:\*\* \S.*\.?", panel["description"]
        ), panel["title"]
        assert panel["type"] in KINDS
        assert defaults["unit"] in UNITS or defaults["unit"].startswith(WORDED), panel["title"]
        assert defaults["noValue"], panel["title"]


@every_dashboard
def test_no_panel_hides_another(path: Path) -> None:
    """Ids and titles are unique; panels lie inside the 24 columns and do not overlap."""
    every = load(path)["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    assert len({panel["title"] for panel in every}) == len(every)
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


def test_the_answer_is_on_the_first_screen() -> None:
    """Numbers, alerts and pools lie within the 22 units that a browser shows in 1080 pixels."""
    screen = [p for p in panels(load(FOLDER / "tcp-pressure-overview.json")) if bottom(p) <= 22]
    assert {panel["title"] for panel in screen} >= {
        *("Refused connections", "Fullest pool of each direction"),
        *("First pool full in", "What is wrong, and what to do", "Port pools, the worst first"),
    }


def test_seven_alerts_need_no_scrollbar() -> None:
    """The table of alerts has room for its head and seven rows of 36 pixels below its title."""
    dashboard = load(FOLDER / "tcp-pressure-overview.json")
    (table,) = [p for p in panels(dashboard) if p["title"] == "What is wrong, and what to do"]
    assert table["gridPos"]["h"] * 38 - 8 >= 32 + 8 * 36


@every_dashboard
def test_the_exporter_s_own_health_comes_last(path: Path) -> None:
    """Each dashboard ends with a row on whether its numbers can be trusted."""
    headings = [row["title"] for row in load(path)["panels"] if row["type"] == "row"]
    assert headings[-1] == "The exporter itself"


def bottom(panel: dict[str, Any]) -> int:
    place: dict[str, int] = panel["gridPos"]
    return place["y"] + place["h"]


def test_each_tcp_state_has_one_colour() -> None:
    """A state looks the same on every panel, whatever others are there, and like no other."""
    fixed: dict[str, set[str]] = {}
    for panel in (panel for found in DASHBOARDS for panel in panels(load(found))):
        for override in panel["fieldConfig"]["overrides"]:
            for setting in override["properties"]:
                if setting["id"] == "color" and override["matcher"]["options"] in STATES:
                    name = override["matcher"]["options"]
                    fixed.setdefault(name, set()).add(setting["value"]["fixedColor"])
    assert set(fixed) == set(STATES)
    assert len(set.union(*fixed.values())) == len(STATES) == sum(map(len, fixed.values()))


@every_dashboard
def test_thresholds_of_lines_are_areas(path: Path) -> None:
    """If a line has a threshold, that is an area, and what is below it stays clear."""
    for panel in panels(load(path)):
        defaults = panel["fieldConfig"]["defaults"]
        if panel["type"] == "timeseries" and "thresholds" in defaults:
            assert defaults["custom"]["thresholdsStyle"] == {"mode": "area"}
            colours = [step["color"] for step in defaults["thresholds"]["steps"]]
            assert "transparent" in colours, panel["title"]


@every_dashboard
def test_the_dashboard_uses_metrics_that_exist(path: Path) -> None:
    """Every metric of the dashboard is documented in docs/metrics.md, or recorded from one."""
    recorded = (ROOT / "deploy/prometheus/rules/fleet.yml").read_text()
    text = path.read_text()
    assert set(re.findall(r"\w+:tcp_pressure_\w+:\w+", text)) <= set(
        re.findall(r"record: (\S+)", recorded)
    )
    assert names_in(path) <= documented_names() | {"tcp_pressure_resource_ratio"} | set(
        re.findall(r":(tcp_pressure_\w+):", recorded)
    )


def test_ten_questions_have_a_panel_that_answers() -> None:
    """docs/dashboards.md names existing panels for each of a newcomer's questions."""
    page = (ROOT / "docs/dashboards.md").read_text()
    table = page.split("\n## Ten questions")[1].split("\n## ")[0]
    answers = re.findall(r"^\| .+\? \| ([\w ]+) \| (.+) \|$", table, re.MULTILINE)
    assert len(answers) == 10
    titles = {
        load(path)["title"].partition(": ")[2]: {panel["title"] for panel in panels(load(path))}
        for path in DASHBOARDS
    }
    for dashboard, panel in answers:
        named = set(re.findall(r"\*([^*]+)\*", panel))
        assert named
        assert named <= titles[dashboard], dashboard


def test_provisioning_finds_the_dashboards_and_the_data_source() -> None:
    """The provisioning files point Grafana at the mounted dashboards and at one Prometheus."""
    folder = FOLDER.parent / "provisioning"
    (provider,) = yaml.safe_load((folder / "dashboards/tcp-pressure.yml").read_text())["providers"]
    assert provider["type"] == "file"
    assert provider["allowUiUpdates"] is False
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"]
    assert (source["type"], source["access"]) == ("prometheus", "proxy")
    scraped = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert source["jsonData"]["timeInterval"] == scraped["global"]["scrape_interval"]
