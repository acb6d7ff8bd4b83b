"""Whether applications bind before they connect: only for them is a full source pool an outage.

A connect() without bind() can use a port once for each destination, so a host with many
destinations may hold nearly all its ports and be fine.
"""

from tcp_pressure_exporter.findings.kinds import KINDS, Severity, severity_of
from tcp_pressure_exporter.pools.directions import SOURCE
from tcp_pressure_exporter.pools.near_limit.closer_look import CanaryReport
from tcp_pressure_exporter.pools.usage import Usage

HIDDEN_WORTH_IT = 0.05  # of the usable ports; the estimate is off by less than 0.02

NOBODY_BINDS = (
    "Many ports are in use at this address, but no application binds before it connects:"
    " connections to other destinations can share them, so none fails because of this."
)
SUBFLOWS_BIND = (
    "ports are bound by additional MPTCP subflows: the kernel binds each one, which no"
    " application can change and which blocks the port for every destination. Give MPTCP fewer"
    " endpoints (ip mptcp endpoint, ip mptcp limits). Right now: widen the local port range."
)
NOT_KNOWN = (
    "bind(address, 0) before connect() has few ports left at this address. Whether any"
    " application does that is not known here; connections made without it share ports across"
    " destinations."
)


EXPLICIT_PORTS = (
    "An application chooses these local ports itself: give it more ports or another local"
    " address in its own settings, or make it reuse connections."
)


def are_many(bound: float, usable: int) -> bool:
    """Tell whether that many ports of bound sockets are worth mentioning."""
    return bound > 0 and bound >= HIDDEN_WORTH_IT * usable


def somebody_binds(
    report: CanaryReport | None, usable: int | None, hidden: int | None = None
) -> bool | None:
    """Tell whether bound sockets hold ports worth mentioning; None: not known.

    usable: how many ports the kernel may choose. hidden: how many are hidden, if known exactly;
    otherwise the report has the estimate.
    """
    ports = report.hidden_ports if report and hidden is None else hidden
    if ports is None or usable is None:
        return None
    return are_many(ports + (report.bound_ports if report else 0), usable)


def source_severity(usage: Usage, *, binds: bool | None) -> Severity:
    """Return the severity of a source pool's use; binds: as from somebody_binds."""
    if binds is False:
        return Severity.CALM
    most = Severity.WARNING if binds is None else Severity.CRITICAL
    return min(severity_of(SOURCE, usage.ratio, None), most)


def source_advice(report: CanaryReport | None, *, binds: bool | None) -> str:
    """Return what to do about a source pool; binds: as from somebody_binds."""
    no_estimate = report.no_estimate if report else ""
    if report and report.subflows_hide:
        return f"Many {SUBFLOWS_BIND}"
    if binds is None:
        return f"{NOT_KNOWN} The kernel's answer: {no_estimate}." if no_estimate else NOT_KNOWN
    return KINDS[SOURCE].advice if binds else NOBODY_BINDS
