"""The Prometheus configuration, rules and unit tests that ship with the exporter."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tcp_pressure_exporter.collectors.kernel_events import EVENTS
from tcp_pressure_exporter.findings import drops
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.findings.table import FINDINGS
from tests.deploy.metric_names import documented_names, names_in
from tests.deploy.rule_files import RULES, UNIT_TESTS, alerts, promtool, rules

RECORDING = re.compile(r"^[a-z_]+:[a-z_]+:[a-z0-9_]+$")
# Already covered by TcpPressurePoolHigh, TcpPressureConnectSlowdown and the refusal counters.
TOLD_BY_POOLS = {"port_range_too_small", "tw_reuse_off_under_pressure", "refused_below_limit"}

OF_NO_HOST = {"TcpPressureExporterAbsent", "TcpPressureManyExportersDown"}


def unit_tests() -> Iterator[dict[str, Any]]:
    for path in UNIT_TESTS:
        yield from yaml.safe_load(path.read_text())["tests"]


def cases(test: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = test.get("alert_rule_test", [])
    return found


def test_prometheus_loads_the_configuration_and_the_rules() -> None:
    """The shipped configuration and the rules it names are valid in their own folder."""
    promtool("check", "config", "prometheus.yml")


def test_the_rules_pass_the_linter() -> None:
    """Promtool finds no duplicate and no error in the rules."""
    promtool("check", "rules", "--lint=all", "--lint-fatal", *map(str, RULES))


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.name)
def test_each_alert_fires_when_it_must_and_only_then(path: Path) -> None:
    """The unit tests next to the rules pass."""
    promtool("test", "rules", path.name, folder=path.parent)


def test_each_alert_fires_is_silent_and_meets_a_restart_in_some_unit_test() -> None:
    """Every shipped alert has tests that see it fire, stay silent and survive a restart."""
    every = [(test["name"], case) for test in unit_tests() for case in cases(test)]
    fired = {case["alertname"] for _name, case in every if case.get("exp_alerts")}
    silent = {case["alertname"] for _name, case in every if not case.get("exp_alerts")}
    restarted = {case["alertname"] for name, case in every if "restart" in name}
    assert fired == silent == restarted == set(alerts())


def test_each_recording_rule_is_computed_in_some_unit_test() -> None:
    """Every shipped recorded series has a test of its value."""
    names = {rule["record"] for _path, rule in rules() if "record" in rule}
    asked = {
        expression["expr"].partition("{")[0]
        for test in unit_tests()
        for expression in test.get("promql_expr_test", [])
    }
    assert names
    assert names <= asked
    assert all(RECORDING.match(name) for name in names)


@pytest.mark.parametrize("alert", alerts().values(), ids=lambda alert: alert["alert"])
def test_each_alert_tells_how_bad_it_is_what_it_is_about_and_where(alert: dict[str, Any]) -> None:
    """Each has a severity, a kind, a stable summary, a description with the host, and a runbook."""
    assert alert["alert"].startswith("TcpPressure")
    assert set(alert["labels"]) == {"severity", "kind"}
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert "{{" not in alert["annotations"]["summary"], "a summary that varies cannot be grouped"
    of_a_host = "{{ $labels.instance }}" in alert["annotations"]["description"]
    assert of_a_host == (alert["alert"] not in OF_NO_HOST)


@pytest.mark.parametrize("alert", alerts().values(), ids=lambda alert: alert["alert"])
def test_no_alert_hangs_on_a_listed_series(alert: dict[str, Any]) -> None:
    """A metric of single pools is aggregated: it comes and goes, which would restart the wait."""
    if re.search(r"tcp_pressure_pool_(?!ratio_max|exhaustion_seconds_min|overflow)", alert["expr"]):
        assert alert["expr"].startswith("max without (local_address, remote_address, port) (")
    assert "_owner_" not in alert["expr"]
    assert "listen_queue_used" not in alert["expr"]


@pytest.mark.parametrize("alert", alerts().values(), ids=lambda alert: alert["alert"])
def test_no_alert_takes_the_host_of_another_cluster_for_its_own(alert: dict[str, Any]) -> None:
    """Whatever is matched or grouped by instance is so by cluster, too, as names may be equal."""
    text = alert["expr"] + alert["annotations"]["description"]
    matched = re.findall(r"\b(?:on|by) \(([^)]*)\)", text)
    asked = re.findall(r'"[^"]*\bjob=%q,instance=%q', text)
    assert all("cluster" in labels for labels in matched if "job" in labels)
    assert all("cluster=%q,job=%q,instance=%q" in labels for labels in asked)


SETTINGS = [f for f in FINDINGS if f not in vars(drops).values()]


def test_each_finding_has_the_alert_of_its_severity() -> None:
    """Warnings are in TcpPressureFinding, the critical one has its own alert, others have none.

    No alert uses the findings about drops: each has one that counts the same over minutes.
    """
    matched = re.search(r'finding=~"([a-z0-9_|]+)"', alerts()["TcpPressureFinding"]["expr"])
    assert matched
    warnings = {f.name for f in SETTINGS if f.severity == Severity.WARNING and f.exported}
    critical = [f.name for f in SETTINGS if f.severity == Severity.CRITICAL]
    assert set(matched[1].split("|")) == warnings - TOLD_BY_POOLS
    assert critical == ["tw_recycle_enabled"]
    assert critical[0] in alerts()["TcpPressureTwRecycleEnabled"]["expr"]


def test_the_rules_count_events_that_exist() -> None:
    """Every event in an expression is exported; conntrack's have its prefix."""
    named = re.compile(r'event=~?"([^"]+)"')
    for _path, rule in rules():
        for events in named.findall(rule["expr"]):
            tcp = {event for event in events.split("|") if not event.startswith("nf_conntrack_")}
            assert tcp <= set(EVENTS)


def test_the_rules_use_metrics_that_exist() -> None:
    """Every metric in the rules and their tests is documented in docs/metrics.md, or recorded."""
    recorded = {rule["record"].split(":")[1] for _path, rule in rules() if "record" in rule}
    for path in [*RULES, *UNIT_TESTS]:
        assert names_in(path) <= documented_names() | recorded, path
