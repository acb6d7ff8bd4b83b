"""Connections that are refused although ports seem free."""

from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.failures import CONNECT, NO_PORT, PORT_TAKEN, FailureKind
from tcp_pressure_exporter.findings.evidence import Evidence, RefusedPool
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.findings.refusals import refusal_severity, refused_below_limit
from tests.support.fakes.evidence import ORDINARY, hidden, known, outbound, pool


def refusing(used: int, others: int = 0, *, listed: bool = True) -> Evidence:
    """Return a host with a pool that refuses with so many of 1000 ports used, and another pool."""
    found = pool(used)
    name = "10.0.0.2 → 10.0.0.9:443"
    refused = RefusedPool(name, 1177, 299.6, found if listed else None)
    return replace(
        ORDINARY,
        pools=outbound(found, pool(others, remote="10.0.0.8")),
        refusals=known((refused,)),
    )


def test_far_from_full() -> None:
    """The detail says how many were refused, and how many ports were in use."""
    assert refused_below_limit(refusing(120)) == (
        "10.0.0.2 → 10.0.0.9:443: 1,177 connections refused in the last 5 min, 120 of 1,000 ports"
        " in use"
    )


@pytest.mark.parametrize(("used", "found"), [(899, True), (900, False), (1000, False)])
def test_full_enough(used: int, found: bool) -> None:  # noqa: FBT001 - a case
    """From 90 % up a burst between two samples explains it."""
    assert (refused_below_limit(refusing(used)) is not None) is found


def test_another_pool_was_full() -> None:
    """If some pool was full within the minute, it may have been this one."""
    assert refused_below_limit(refusing(120, others=950)) is None


def test_not_listed() -> None:
    """Of an unlisted pool it is known that others are fuller."""
    detail = refused_below_limit(refusing(120, listed=False))
    assert detail
    assert detail.endswith("no pool near its limit")


def test_hidden_ports_explain_it() -> None:
    """Ports of bound sockets are no mystery: an estimate of them counts."""
    estimated = replace(refusing(120), canary=hidden(800.0))
    assert refused_below_limit(estimated) is None
    # If they are known exactly, they are already among the used ones.
    assert refused_below_limit(replace(estimated, hidden=30)) is not None


def test_nothing_refused() -> None:
    """Without refusals there is nothing to find."""
    assert refused_below_limit(ORDINARY) is None


@pytest.mark.parametrize(
    ("cause", "ago", "severity"),
    [
        (NO_PORT, 0.0, Severity.CRITICAL),
        (NO_PORT, 59.0, Severity.CRITICAL),
        (NO_PORT, 60.0, Severity.WARNING),
        (PORT_TAKEN, 0.0, Severity.WARNING),
    ],
)
def test_severity(cause: str, ago: float, severity: Severity) -> None:
    """No port within the last minute is an outage; a chosen port is one application's error."""
    assert refusal_severity(FailureKind(CONNECT, cause), ago) is severity
