"""Alerts and report call the same things bad: the rules against the tables of judgement."""

import re
from functools import partial

import pytest

from tcp_pressure_exporter.findings import drops
from tcp_pressure_exporter.findings.binding import HIDDEN_WORTH_IT
from tcp_pressure_exporter.findings.close_wait import CLOSE_WAIT_RUNBOOK, LEAK_SOCKETS
from tcp_pressure_exporter.findings.finding import Finding
from tcp_pressure_exporter.findings.kinds import KINDS, SOON, Kind
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND, SOURCE
from tests.deploy.rule_files import Rule, alerts, rules, runbook

# At 70 % it is only worth knowing: a row has no threshold for that.
WARNED_OF = [kind for kind in KINDS.values() if kind.name != INBOUND]
# At 1, TcpPressureTimeWaitOverflow counts what is lost.
CRITICAL_BELOW_THE_LIMIT = [kind for kind in KINDS.values() if kind.critical < 1]


def named_in(section: str) -> Rule:
    """Return the alert that a section of a runbook is about."""
    [alert] = [a for a in alerts().values() if runbook(a) == section]
    return alert


def threshold(alert: Rule) -> float:
    found = re.search(r"> (0\.\d+)\s*$", alert["expr"])
    assert found
    return float(found[1])


@pytest.mark.parametrize("kind", WARNED_OF, ids=lambda kind: kind.name)
def test_a_warning_has_the_threshold_of_the_report(kind: Kind) -> None:
    """Prometheus and the report agree on what is high, for each kind of resource."""
    alert = named_in(kind.runbook)
    assert alert["labels"]["severity"] == "warning"
    assert threshold(alert) == kind.warning


@pytest.mark.parametrize("kind", CRITICAL_BELOW_THE_LIMIT, ids=lambda kind: kind.name)
def test_a_critical_alert_has_the_threshold_of_the_report(kind: Kind) -> None:
    """Prometheus and the report agree on what is critical before the limit is reached."""
    alert = alerts()[named_in(kind.runbook)["alert"].removesuffix("High") + "Critical"]
    assert alert["labels"]["severity"] == "critical"
    assert threshold(alert) == kind.critical


def test_what_is_full_is_critical_for_both() -> None:
    """If only the limit itself is critical, an alert is about the limit, or about losses."""
    assert KINDS["time_wait_buckets"].critical == 1
    assert alerts()["TcpPressureTimeWaitOverflow"]["labels"]["severity"] == "critical"
    assert KINDS[SOURCE].critical == 1
    full = alerts()["TcpPressureSourcePoolCritical"]
    assert full["labels"]["severity"] == "critical"
    assert full["expr"].endswith(") >= 1\n")


@pytest.mark.parametrize(
    ("alert", "compared"),
    [("TcpPressureSourcePoolHigh", "<"), ("TcpPressureSourcePoolCritical", ">=")],
)
def test_whether_somebody_binds(alert: str, compared: str) -> None:
    """Alerts and report agree how many hidden ports mean that some application binds."""
    share = re.search(
        rf"{compared} on \(cluster, job, instance, netns\) (0\.\d+) \*", alerts()[alert]["expr"]
    )
    assert share
    assert float(share[1]) == HIDDEN_WORTH_IT


def test_an_inbound_pool_is_told_before_it_warns() -> None:
    """A full inbound pool is a risk, not an outage: its alert informs, sooner than the report."""
    alert = named_in(KINDS[INBOUND].runbook)
    assert alert["labels"]["severity"] == "info"
    assert threshold(alert) < KINDS[INBOUND].warning


def test_a_fleet_counts_what_an_alert_would() -> None:
    """The recorded numbers of hosts above a ratio use the outbound pools' thresholds."""
    counted = [
        (
            float(rule["labels"]["threshold"]),
            float(rule["expr"].rpartition("> bool ")[2].rstrip(")")),
        )
        for _path, rule in rules()
        if "threshold" in rule.get("labels", {}) and "pool_ratio_max" in rule["expr"]
    ]
    outbound = KINDS[OUTBOUND]
    assert counted == [(outbound.warning,) * 2, (outbound.critical,) * 2]


@pytest.mark.parametrize(
    ("finding", "name"),
    [
        (drops.CONNTRACK_DROPS, "TcpPressureConntrackDrops"),
        (drops.CONNTRACK_INSERTS_FAILED, "TcpPressureConntrackInsertFailed"),
        (drops.ACCEPT_QUEUE_OVERFLOWS, "TcpPressureListenQueueOverflow"),
        (drops.TIME_WAIT_OVERFLOWS, "TcpPressureTimeWaitOverflow"),
        (drops.TIME_WAIT_REJECTIONS, "TcpPressurePawsRejections"),
    ],
)
def test_a_counter_is_judged_by_the_same_rate(finding: Finding, name: str) -> None:
    """What an alert counts over minutes, a finding counts over one: events, rate and severity."""
    alert = alerts()[name]
    events = re.search(r'event=~?"([^"]+)"', alert["expr"])
    rate = re.search(r"> (0\.?\d*)\s*$", alert["expr"])
    assert events
    assert rate
    assert isinstance(finding.check, partial)
    assert (set(finding.check.args[0]), finding.check.args[1]) == (
        set(events[1].split("|")),
        float(rate[1]),
    )
    assert alert["labels"]["severity"] == finding.severity.name.lower()


def test_a_leak_is_as_many_sockets_as_in_the_report() -> None:
    """Both call a hundred lasting sockets in CLOSE_WAIT a leak."""
    assert re.search(rf"> {LEAK_SOCKETS}$", named_in(CLOSE_WAIT_RUNBOOK)["expr"], re.MULTILINE)


def test_soon_is_the_same_for_the_alert_and_the_report() -> None:
    """Both call a pool critical if it will be full within a minute."""
    assert alerts()["TcpPressurePoolExhaustionSoon"]["expr"].endswith(f"< {SOON:.0f}")
