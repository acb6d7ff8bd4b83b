"""The kinds of finite resources: how bad, what to do, and the documents that list them."""

import json
import re
from pathlib import Path

import pytest

from tcp_pressure_exporter.findings.close_wait import CLOSE_WAIT_RUNBOOK
from tcp_pressure_exporter.findings.kinds import BLOCKED_PORTS, KINDS, Severity, severity_of
from tcp_pressure_exporter.pools.directions import OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.sources.procfs.resources import read_resources
from tests.support.places import DOCS, ROOT

CALM, WARNING, CRITICAL = Severity.CALM, Severity.WARNING, Severity.CRITICAL
INFINITE = float("inf")


@pytest.mark.parametrize(
    ("usage", "says", "says_not"),
    [
        (Usage(900, 1000, 800, 0), "set tcp_tw_reuse to 1", "open connections"),
        (Usage(900, 1000, 800, None), "add a remote address", "tcp_tw_reuse"),
        (Usage(900, 1000, 800, 0), "if the peer sends timestamps", "does not help"),
        (
            Usage(900, 1000, 800, 0, refused=700),
            "tcp_tw_reuse does not help",
            "set tcp_tw_reuse to 1",
        ),
        (Usage(900, 1000, 800, 0, refused=0), "set tcp_tw_reuse to 1", "does not help"),
        (Usage(900, 1000, 450, 0), "open connections", "tcp_tw_reuse"),
        (Usage(900, 1000, None, None), "open connections", "tcp_tw_reuse"),
    ],
)
def test_outbound(usage: Usage, says: str, says_not: str) -> None:
    """Linux's tcp_tw_reuse is advised only if the system shows what connect() takes over."""
    advice = KINDS[OUTBOUND].advice_for(usage)
    assert says in advice
    assert says_not not in advice


@pytest.mark.parametrize("kind", [BLOCKED_PORTS, OUTBOUND, SOURCE])
def test_bound_sockets_and_listeners(kind: str) -> None:
    """If they hold most ports, open connections are not blamed, nor is an address advised."""
    advice = KINDS[kind].advice_for(Usage(1000, 1000, 5, 0, blocked=995))
    assert advice == KINDS[BLOCKED_PORTS].advice
    assert "adding an address does not help" in advice
    assert "open connections" not in advice


def test_no_usable_port() -> None:
    """If all ports are reserved, the advice is to look at the reservation."""
    assert "ip_local_reserved_ports" in KINDS[BLOCKED_PORTS].advice_for(Usage(0, 0, None, None))


@pytest.mark.parametrize(
    ("kind", "used", "limit", "ratio"),
    [
        (BLOCKED_PORTS, 995, 1000, 0.995),
        (BLOCKED_PORTS, 0, 0, 1.0),
        (OUTBOUND, 0, 0, 1.0),
        ("listen_queue", 0, 0, 0.0),  # listen(0) lets one connection wait
        ("listen_queue", 1, 0, 1.0),
        ("time_wait_buckets", 0, 0, 0.0),
    ],
)
def test_ratio(kind: str, used: int, limit: int, ratio: float) -> None:
    """Of zero ports none is left; a queue of length zero has room for one."""
    assert KINDS[kind].ratio(used, limit) == ratio


def test_bound_sockets() -> None:
    """If most of what waits was bound, neither tcp_tw_reuse nor another remote is advised."""
    advice = KINDS[OUTBOUND].advice_for(Usage(900, 1000, 800, 0), bound=True)
    assert "IP_BIND_ADDRESS_NO_PORT" in advice
    assert "neither tcp_tw_reuse nor another remote address helps" in advice
    live = KINDS[OUTBOUND].advice_for(Usage(900, 1000, 400, 0), bound=True)
    assert live == KINDS[OUTBOUND].advice


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {OUTBOUND}))
def test_advice_that_does_not_hang_on_time_wait(kind: str) -> None:
    """For every other kind the advice is the same whatever holds it."""
    assert KINDS[kind].advice_for(Usage(900, 1000, 800, 0)) == KINDS[kind].advice


@pytest.mark.parametrize(
    ("kind", "ratio", "seconds_left", "severity"),
    [
        ("outbound", 0.699, None, CALM),
        ("outbound", 0.70, INFINITE, WARNING),
        ("outbound", 0.90, None, CRITICAL),
        ("outbound", 0.1, 59.9, CRITICAL),
        ("outbound", 0.1, 60.0, CALM),
        ("blocked_ports", 0.699, None, CALM),
        ("blocked_ports", 0.70, None, WARNING),
        ("blocked_ports", 0.90, None, CRITICAL),
        ("inbound", 0.899, None, CALM),
        ("inbound", 1.0, None, WARNING),
        ("inbound", 0.1, 59.9, WARNING),
        ("inbound", 1.0, 0.0, WARNING),
        ("source", 0.1, 59.9, CRITICAL),
        ("nat", 0.1, 59.9, CRITICAL),
        ("nat", 0.1, 60.0, CALM),
        ("orphans", 0.25, None, WARNING),
        ("time_wait_buckets", 0.999, None, WARNING),
        ("time_wait_buckets", 1.0, None, CRITICAL),
    ],
)
def test_severity(kind: str, ratio: float, seconds_left: float | None, severity: Severity) -> None:
    """It is bad from the kind's ratios up, and with less than a minute left as bad as when full."""
    assert severity_of(kind, ratio, seconds_left) is severity


@pytest.mark.parametrize(
    "runbook", [CLOSE_WAIT_RUNBOOK, *(kind.runbook for kind in KINDS.values())]
)
def test_runbook(runbook: str) -> None:
    """Every kind of resource has a runbook section."""
    path, _, anchor = runbook.partition("#")
    titles = re.findall("^## (.+)$", (ROOT / path).read_text(), re.MULTILINE)
    assert anchor in {title.lower() for title in titles}


def test_resources_of_the_kernel() -> None:
    """Every resource this kernel shows is of a kind that is judged, including those in bytes."""
    shown = {resource.name for resource in read_resources(Path("/proc"), 4096)}
    assert "time_wait_buckets" in shown
    assert shown <= KINDS.keys()
    assert {kind.name for kind in KINDS.values() if kind.in_bytes} == {"memory_bytes"}


def test_documents() -> None:
    """The schema lists every kind, and so does docs/report.md on Nagios."""
    schema = json.loads((DOCS / "status.schema.json").read_text())
    pressure = schema["definitions"]["pressure"]["properties"]
    assert set(pressure["kind"]["enum"]) == KINDS.keys()
    labels = re.search(r"each kind of resource \(([^)]+)\)", (DOCS / "report.md").read_text())
    assert labels
    assert set(re.findall(r"`(\w+)`", labels[1])) == KINDS.keys()
