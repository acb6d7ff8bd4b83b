"""The mixin: exactly what ships, and what a site makes of it."""

import json
import re
from pathlib import Path
from typing import Any

import _jsonnet
import pytest
import yaml

from tests.deploy.rule_files import alerts, groups, promtool
from tests.grafana.dashboard import DASHBOARDS, load
from tests.support.places import DEPLOY

MIXIN = DEPLOY / "mixin" / "mixin.libsonnet"
WHOLE = "{alerts: m.prometheusAlerts, rules: m.prometheusRules, dashboards: m.grafanaDashboards}"
SITE = """{_config+:: {
  jobMatcher: 'job=~"infra/.+"',
  selector: 'env="prod", team=~"edge|core"',
  clusterLabel: 'k8s_cluster',
  docsUrl: 'http://exporter-1:10190/docs',
  thresholds+: {TcpPressurePoolHigh: '0.60'},
  overrides+: {TcpPressureListenQueueHigh: {'for': '20m', labels+: {severity: 'info'}}},
  without: ['TcpPressureConnectSlowdown'],
}}"""

Mixin = dict[str, Any]


def evaluate(config: str = "{}", shown: str = WHOLE) -> Any:
    """Return what a site gets with this configuration."""
    source = f"local m = (import '{MIXIN}') + {config}; {shown}"
    return json.loads(_jsonnet.evaluate_snippet("site.jsonnet", source))


@pytest.fixture(scope="module")
def site() -> Mixin:
    made: Mixin = evaluate(SITE)
    return made


def rules_of(mixin: Mixin) -> list[dict[str, Any]]:
    made = [*mixin["alerts"]["groups"], *mixin["rules"]["groups"]]
    return [rule for group in made for rule in group["rules"]]


def test_as_it_stands_it_is_what_ships() -> None:
    """Every group, rule and dashboard is there, and the same."""
    mixin = evaluate()
    made = [*mixin["alerts"]["groups"], *mixin["rules"]["groups"]]
    assert {group["name"]: group for group in made} == {g["name"]: g for _path, g in groups()}
    assert mixin["dashboards"] == {path.name: load(path) for path in DASHBOARDS}


def test_prometheus_accepts_what_a_site_makes_of_it(site: Mixin, tmp_path: Path) -> None:
    """Each expression is one still."""
    for name in ("alerts", "rules"):
        (tmp_path / f"{name}.yml").write_text(yaml.safe_dump(site[name]))
        promtool("check", "rules", "--lint=all", "--lint-fatal", f"{name}.yml", folder=tmp_path)


def test_every_selector_is_the_site_s(site: Mixin) -> None:
    """The exporter's metrics have the matchers, recorded ones do not, and `up` has the job's."""
    raw = re.compile(r"(?<![\w:])tcp_pressure_\w+(?![\w:])(.?.?.?.?.?)")
    for rule in rules_of(site):
        assert set(raw.findall(rule["expr"])) <= {"{env="}, rule["expr"]
        for matchers in re.findall(r"\bup\{([^}]*)", rule["expr"]):
            assert matchers.startswith('job=~"infra/.+", env="prod", team=~"edge|core"')
        assert not re.findall(r":tcp_pressure_\w+(?::\w+)?\{", rule["expr"])


def test_the_label_of_clusters_is_the_site_s(site: Mixin) -> None:
    """It is replaced wherever it occurs; the dashboards' variables and words keep their names."""
    code = r"\bcluster(?:=|!=|, |\)|\}\})|labels\.cluster"
    for rule in rules_of(site):
        assert not re.search(code, rule["expr"] + str(rule.get("annotations")))
    assert any("k8s_cluster=%q" in str(rule.get("annotations")) for rule in rules_of(site))
    for path in DASHBOARDS:
        shipped, made = path.read_text(), json.dumps(site["dashboards"][path.name])
        assert not re.search(code.replace(r"\bcluster", r"(?<!\$)\bcluster"), made)
        assert made.count('k8s_cluster=~\\"$cluster\\"') == shipped.count('cluster=~\\"$cluster\\"')
        assert json.loads(made.replace("k8s_cluster", "cluster").replace(
            "http://exporter-1:10190/docs", documents(load(path))
        )) == load(path)  # fmt: skip


def documents(dashboard: dict[str, Any]) -> str:
    (variable,) = [v for v in dashboard["templating"]["list"] if v["name"] == "docs"]
    return str(variable["query"])


def test_links_lead_where_the_site_keeps_the_documents(site: Mixin) -> None:
    """In the alerts and in the dashboards."""
    for rule in rules_of(site):
        if "alert" in rule:
            url = rule["annotations"]["runbook_url"]
            assert url.startswith("http://exporter-1:10190/docs/runbooks/")
    for dashboard in site["dashboards"].values():
        assert documents(dashboard) == "http://exporter-1:10190/docs"


def test_an_alert_can_be_changed_or_left_out(site: Mixin) -> None:
    """It changes by threshold, by any other field, or goes by name; nothing else changes."""
    made = {rule["alert"]: rule for rule in rules_of(site) if "alert" in rule}
    assert alerts().keys() - made.keys() == {"TcpPressureConnectSlowdown"}
    assert made["TcpPressurePoolHigh"]["expr"].endswith(" > 0.60")
    queue, before = made["TcpPressureListenQueueHigh"], alerts()["TcpPressureListenQueueHigh"]
    assert queue["for"] == "20m"
    assert queue["labels"] == before["labels"] | {"severity": "info"}


def test_every_threshold_is_the_one_in_force() -> None:
    """Each settable threshold ends its alert's expression, and only those alerts change."""
    known = evaluate(shown="m._config.thresholds")
    assert known
    for name, threshold in known.items():
        assert re.search(rf" [<>]=? {re.escape(threshold)}\n?\Z", alerts()[name]["expr"]), name
    changed = ", ".join(f"{name}: '7'" for name in known)
    made = evaluate(f"{{_config+:: {{thresholds+: {{{changed}}}}}}}", "m.prometheusAlerts.groups")
    now = {rule["alert"]: rule["expr"] for group in made for rule in group["rules"]}
    assert {name for name, expr in now.items() if expr.rstrip().endswith(" 7")} == known.keys()


def test_a_threshold_of_nothing_is_refused() -> None:
    """A name for which no alert has a threshold is an error, not ignored."""
    with pytest.raises(RuntimeError, match="at the end of"):
        evaluate("{_config+:: {thresholds+: {TcpPressureExporterDown: '7'}}}")
