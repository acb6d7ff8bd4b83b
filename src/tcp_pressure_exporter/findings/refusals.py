"""What the kernel refuses for lack of a local port: how bad that is, what it means, what to do.

The severities are those of the alerts (deploy/prometheus/rules/refused.yml).
"""

from collections.abc import Mapping
from typing import NamedTuple

from tcp_pressure_exporter.facts.failures import CONNECT, NO_PORT, PORT_TAKEN, FailureKind
from tcp_pressure_exporter.figures import period
from tcp_pressure_exporter.findings.evidence import Evidence, RefusedPool
from tcp_pressure_exporter.findings.finding import Finding, shortened
from tcp_pressure_exporter.findings.kinds import KINDS, Severity
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.usage import Usage

BIND = "bind"
NO_PORT_FOUND = FailureKind(CONNECT, NO_PORT)
BIND_NO_PORT = FailureKind(BIND, NO_PORT)
LATELY = 60.0  # seconds: earlier refusals are over, or belong to a recurring wave


class RefusalRow(NamedTuple):
    """One kind of refused calls.

    severity: that of recent ones. call: what the caller could not do. noun: for one such call. why:
    the error in words. advice: what to do. runbook: where to find more.
    """

    severity: Severity
    call: str
    noun: str
    why: str
    advice: str
    runbook: str


REFUSALS: Mapping[FailureKind, RefusalRow] = {
    NO_PORT_FOUND: RefusalRow(
        Severity.CRITICAL,
        "connect to",
        "connection",
        "no local port was left",
        "connect() finds no local port for this destination: make the client keep connections"
        " open. Right now: reduce load, or add a remote address.",
        "docs/runbooks/refused.md#tcppressureconnectsrefused",
    ),
    FailureKind(CONNECT, PORT_TAKEN): RefusalRow(
        Severity.WARNING,
        "connect to",
        "connection",
        "the port it bound already has a connection to that destination",
        "The client binds a local port of its own choice, and an earlier connection from that"
        " port to the same destination still exists, usually in TIME_WAIT. Make it bind to port"
        " 0 with IP_BIND_ADDRESS_NO_PORT, or choose another port. More ports do not help.",
        "docs/runbooks/refused.md#tcppressureconnectporttaken",
    ),
    BIND_NO_PORT: RefusalRow(
        Severity.CRITICAL,
        "bind",
        "call",
        "no local port was left",
        "bind() to port 0 finds no local port: make clients set IP_BIND_ADDRESS_NO_PORT before"
        " they bind. Right now: widen the local port range, or add a local address to bind to.",
        "docs/runbooks/refused.md#tcppressurebindsrefused",
    ),
    FailureKind(BIND, PORT_TAKEN): RefusalRow(
        Severity.WARNING,
        "bind",
        "call",
        "the port is taken",
        "Another socket holds the port that this one asked for: tcp-pressure-exporter report"
        " --port shows which. Reserve the ports of services in ip_local_reserved_ports.",
        "docs/runbooks/refused.md#tcppressurebindporttaken",
    ),
}


def refusal_severity(kind: FailureKind, seconds_ago: float) -> Severity:
    """Return how bad it is that calls of this kind were refused, the last `seconds_ago`."""
    worst = REFUSALS[kind].severity
    return worst if seconds_ago < LATELY else min(worst, Severity.WARNING)


def far_from_full(usage: Usage | None, ratio_max_1m: float, hidden: float) -> bool:
    """Tell whether the ports known to be used do not explain that none was left.

    usage: that of the pool, None if it is not listed. ratio_max_1m: that of all outbound pools,
    since this one may have been full a moment ago. hidden: ports of sockets that were bound before
    they connected, if these do not count as used.
    """
    near = KINDS[OUTBOUND].critical
    if usage is None:
        return ratio_max_1m < near
    if not usage.limit:
        return False
    return max(ratio_max_1m, (usage.used + hidden) / usage.limit) < near


def refused_below_limit(evidence: Evidence) -> str | None:
    """Find connections refused for lack of a port although the pools were far from full."""
    hidden, table = evidence.estimated_hidden(), evidence.outbound()
    found = [
        _told(refused)
        for refused in evidence.refused()
        if far_from_full(refused.usage, table.ratio_max_1m, hidden)
    ]
    return shortened(found, most=2) if found else None


def _told(refused: RefusedPool) -> str:
    usage = refused.usage
    used = f"{usage.used:,} of {usage.limit:,} ports in use" if usage else "no pool near its limit"
    within = f"the last {period(refused.seconds)}"
    return f"{refused.name}: {refused.connections:,} connections refused in {within}, {used}"


REFUSED_BELOW_LIMIT = Finding(
    "refused_below_limit",
    Severity.WARNING,
    "connect() found no port although the pool is far from full. The client may be limited to"
    " fewer ports than the host has: look for IP_LOCAL_PORT_RANGE in its settings, or for a BPF"
    " program of its cgroup that sets it, and widen that range.",
    refused_below_limit,
    about=(OUTBOUND,),
)
