"""The Prometheus configuration, the alert rules and their runbooks that ship with the exporter."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.metric_names import documented_names, names_in
from tests.prometheus_server import PROMTOOL

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
RULES = sorted(FOLDER.glob("rules/*.yml"))
UNIT_TESTS = sorted(FOLDER.glob("tests/*.yml"))


def alerts() -> list[dict[str, Any]]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def promtool(*arguments: str) -> None:
    run = subprocess.run(
        [PROMTOOL, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_prometheus_loads_the_configuration_and_the_rules() -> None:
    """The shipped configuration, and the rules it names, are valid from their own folder."""
    promtool("check", "config", "prometheus.yml")


def test_the_rules_pass_the_linter() -> None:
    """Promtool finds no duplicate and no error in the rules."""
    promtool("check", "rules", "--lint=all", "--lint-fatal", *map(str, RULES))


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.name)
def test_each_alert_fires_when_it_must_and_only_then(path: Path) -> None:
    """The unit tests beside the rules pass."""
    promtool("test", "rules", str(path))


def test_each_alert_is_expected_to_fire_in_some_unit_test() -> None:
    """No alert ships without a test that sees it fire."""
    cases = [
        case
        for path in UNIT_TESTS
        for test in yaml.safe_load(path.read_text())["tests"]
        for case in test["alert_rule_test"]
    ]
    fired = {case["alertname"] for case in cases if case.get("exp_alerts")}
    silent = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    assert fired == silent == {alert["alert"] for alert in alerts()}


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_each_alert_tells_how_bad_it_is_and_where_to_read_on(alert: dict[str, Any]) -> None:
    """Severity, summary, description and a runbook whose heading exists are there."""
    assert alert["alert"].startswith("TcpPressure")
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert "{{" not in alert["annotations"]["summary"], "a summary that varies cannot be grouped"
    assert alert["annotations"]["runbook_url"] == f"docs/alerts.md#{alert['alert'].lower()}"
    assert alert["alert"] in headings(ROOT / "docs" / "alerts.md")


def test_each_link_inside_the_runbook_leads_to_a_heading() -> None:
    """No anchor in docs/alerts.md is dangling."""
    page = ROOT / "docs" / "alerts.md"
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in headings(page)}
    assert set(re.findall(r"\]\(#([\w-]+)\)", page.read_text())) <= anchors


def test_the_rules_use_metrics_that_exist() -> None:
    """Every metric in the rules, their tests and the runbook is documented in docs/metrics.md."""
    for path in [*RULES, *UNIT_TESTS, ROOT / "docs" / "alerts.md"]:
        assert names_in(path) <= documented_names(), path


def headings(page: Path) -> list[str]:
    return re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
