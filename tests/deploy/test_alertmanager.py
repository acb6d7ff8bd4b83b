"""The Alertmanager configuration that ships with the exporter: who is notified, and how soon."""

import re
import subprocess
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
import yaml

from tcp_pressure_exporter.settings.options import parse_options
from tcp_pressure_exporter.settings.values import parse_duration
from tests.deploy.rule_files import FOLDER, alerts, groups
from tests.support.labs.prometheus_server import PROGRAMS
from tests.support.places import ROOT

AMTOOL = PROGRAMS / "amtool"
CONFIG = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
MATCHER = re.compile(r'(\w+) (=~|!=|=) "([^"]*)"')
LEAD = 20.0  # seconds promised before the first connect() fails
DELIVERY = 1.0  # seconds from Prometheus via Alertmanager to the receiver, with a margin

Labels = dict[str, str]


@cache
def config() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    return document


def amtool(*arguments: str) -> str:
    run = subprocess.run([AMTOOL, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout.strip()


def labels_of(name: str, **labels: str) -> Labels:
    """Return the labels of a shipped alert on one host."""
    where = {"job": "tcp-pressure-exporter", "instance": "a:10190"}
    return {**where, **alerts()[name]["labels"], "alertname": name, **labels}


def matches(labels: Labels, matchers: Sequence[str]) -> bool:
    """Return whether all matchers hold, as for Alertmanager: a missing label is empty."""
    for text in matchers:
        found = MATCHER.fullmatch(text)
        assert found, text
        name, operator, wanted = found.groups()
        value = labels.get(name, "")
        same = re.fullmatch(wanted, value) if operator == "=~" else value == wanted
        if bool(same) == (operator == "!="):
            return False
    return True


def inhibits(source: Labels, target: Labels) -> bool:
    return any(
        matches(source, rule["source_matchers"])
        and matches(target, rule["target_matchers"])
        and all(source.get(name, "") == target.get(name, "") for name in rule["equal"])
        for rule in config()["inhibit_rules"]
    )


def test_alertmanager_accepts_the_configuration() -> None:
    """Its own checker, amtool, finds no fault."""
    assert "SUCCESS" in amtool("check-config", str(CONFIG))


@pytest.mark.parametrize(
    ("severity", "receiver"), [("critical", "page"), ("warning", "ticket"), ("info", "digest")]
)
def test_each_severity_has_its_receiver(severity: str, receiver: str) -> None:
    """Only what is critical wakes anyone."""
    flags = (f"--config.file={CONFIG}", f"--verify.receivers={receiver}")
    for alert in alerts().values():
        if alert["labels"]["severity"] == severity:
            labels = [f"alertname={alert['alert']}", f"severity={severity}"]
            assert amtool("config", "routes", "test", *flags, *labels) == receiver
            return
    raise AssertionError(f"no alert is {severity}")


def test_alerts_of_others_are_left_alone() -> None:
    """An alert that is not ours goes to the default receiver, even a critical one."""
    labels = ("alertname=NodeDown", "severity=critical")
    found = amtool("config", "routes", "test", f"--config.file={CONFIG}", *labels)
    assert found == config()["route"]["receiver"] != "page"


HOST = {"netns": "host", "direction": "outbound"}


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("TcpPressurePoolCritical", "TcpPressurePoolHigh"),
        ("TcpPressurePoolExhaustionSoon", "TcpPressureChurnNearCeiling"),
        ("TcpPressurePoolExhaustionSoon", "TcpPressureSourcePoolHigh"),
        ("TcpPressureSourcePoolCritical", "TcpPressureSourcePoolHigh"),
        ("TcpPressurePoolHigh", "TcpPressureConnectSlowdown"),
        ("TcpPressureNatPoolCritical", "TcpPressureNatPoolHigh"),
        ("TcpPressureConntrackCritical", "TcpPressureConntrackHigh"),
        ("TcpPressureConntrackDrops", "TcpPressureConntrackInsertFailed"),
        ("TcpPressureTimeWaitOverflow", "TcpPressureTimeWaitBucketsHigh"),
        ("TcpPressureOrphansCritical", "TcpPressureOrphansHigh"),
        ("TcpPressureMemoryCritical", "TcpPressureMemoryHigh"),
        ("TcpPressurePawsRejections", "TcpPressureInboundPoolHigh"),
    ],
)
def test_the_worse_silences_the_milder_of_its_kind(source: str, target: str) -> None:
    """This is so on the same host and namespace, in any direction, not elsewhere or in reverse."""
    worse, milder = labels_of(source, **HOST), labels_of(target, netns="host")
    assert inhibits(worse, milder)
    assert not inhibits(worse, {**milder, "instance": "b:10190"})
    assert not inhibits(worse, {**milder, "netns": "other"})
    assert not inhibits({**worse, "cluster": "eu"}, {**milder, "cluster": "us"})
    assert not inhibits(milder, worse)


def test_a_critical_alert_leaves_warnings_of_other_kinds() -> None:
    """A host out of ports may have a leak as well."""
    worse = labels_of("TcpPressurePoolCritical", **HOST)
    assert not inhibits(worse, labels_of("TcpPressureCloseWaitLeak", netns="host"))
    assert not inhibits(worse, labels_of("TcpPressureFinding", netns="host", finding="x"))


def test_an_exporter_that_is_down_silences_everything_of_its_host() -> None:
    """It inhibits all but itself, and nothing on other hosts."""
    down = labels_of("TcpPressureExporterDown")
    for name in alerts():
        assert inhibits(down, labels_of(name, netns="host")) == (name != "TcpPressureExporterDown")
        assert not inhibits(down, labels_of(name, instance="b:10190"))
        assert not inhibits({**down, "cluster": "eu"}, labels_of(name, cluster="us"))


def test_many_that_are_down_are_one_message() -> None:
    """In that cluster only, which exporters they are is left out."""
    many = {**labels_of("TcpPressureManyExportersDown"), "cluster": "eu"}
    del many["instance"]
    down = labels_of("TcpPressureExporterDown", cluster="eu")
    assert inhibits(many, down)
    assert not inhibits(many, {**down, "cluster": "us"})
    assert not inhibits(many, labels_of("TcpPressurePoolHigh", cluster="eu", netns="host"))


def test_exhaustion_is_announced_in_time() -> None:
    """If a rise goes on at the same rate, the shipped intervals and waits leave 20 s."""
    prometheus = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    (group,) = (g for _path, g in groups() if g["name"] == "tcp-pressure-forecast")
    (alert,) = (r for r in group["rules"] if r["alert"] == "TcpPressurePoolExhaustionSoon")
    threshold = float(alert["expr"].rpartition("<")[2])
    (ours,) = config()["route"]["routes"]
    (critical,) = (r for r in ours["routes"] if r["receiver"] == "page")
    spent = [
        parse_options([], {"pools": ""}).interval,
        parse_duration(prometheus["global"]["scrape_interval"]),
        parse_duration(group["interval"]),
        parse_duration(alert["for"]),
        # whichever applies: a new group, or one that has already fired
        max(parse_duration(critical["group_wait"]), parse_duration(critical["group_interval"])),
        DELIVERY,
    ]
    assert threshold - sum(spent) >= LEAD
