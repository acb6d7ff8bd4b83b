"""Advice that a machine can check: the table of findings, and what they say of a namespace."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.system import LEAST_TIME_WAIT_INTERVAL, LINUX, WINDOWS
from tcp_pressure_exporter.findings import ports, protection, systems
from tcp_pressure_exporter.findings.evidence import Evidence, NotAskedError
from tcp_pressure_exporter.findings.kinds import Severity

CALM, WARNING, CRITICAL = Severity.CALM, Severity.WARNING, Severity.CRITICAL
RUNBOOKS = "docs/findings.md"


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of advice.

    name: stable, a label value. severity: CALM for advice that can wait. advice: what it means
    and what to do, in one line. check: returns what it found, or None; raises SourceError or
    NotAskedError where that cannot be told. systems: those of facts/system.py that it
    concerns, None for any.
    """

    name: str
    severity: Severity
    advice: str
    check: Callable[[Evidence], str | None]
    systems: Collection[str] | None = (LINUX,)

    def concerns(self, system: str) -> bool:
        """Tell whether the finding can be there on a system."""
        return self.systems is None or system in self.systems

    @property
    def runbook(self) -> str:
        """Where the whole advice is."""
        return f"{RUNBOOKS}#{self.name}"


FINDINGS: tuple[Finding, ...] = (
    Finding(
        "tw_recycle_enabled",
        CRITICAL,
        "tcp_tw_recycle drops connections of clients behind NAT: set it to 0.",
        ports.tw_recycle_enabled,
    ),
    Finding(
        "port_range_too_small",
        WARNING,
        "Connections to one destination need nearly all local ports, or more: reuse connections,"
        " or add addresses or ports.",
        ports.port_range_too_small,
        systems=None,
    ),
    Finding(
        "tw_reuse_off_under_pressure",
        WARNING,
        "A pool is half full, mostly of TIME_WAIT: tcp_tw_reuse = 1 gives such ports back after a"
        " second.",
        ports.tw_reuse_off_under_pressure,
    ),
    Finding(
        "tw_reuse_without_timestamps",
        WARNING,
        "tcp_tw_reuse does nothing without timestamps: set tcp_timestamps to 1.",
        ports.tw_reuse_without_timestamps,
    ),
    Finding(
        "tw_reuse_delay_lowered",
        CALM,
        "tcp_tw_reuse_delay is shorter than a tick of a peer's timestamp clock may be: restore"
        " 1000.",
        ports.tw_reuse_delay_lowered,
    ),
    Finding(
        "bind_before_connect",
        WARNING,
        "Applications bind before they connect, which takes their port from all destinations:"
        " IP_BIND_ADDRESS_NO_PORT avoids it.",
        ports.bind_before_connect,
    ),
    Finding(
        "listener_in_port_range",
        CALM,
        "A service listens inside the local port range and may find its port taken when it"
        " restarts: reserve the port (on Linux in ip_local_reserved_ports).",
        ports.listener_in_port_range,
        systems=None,
    ),
    Finding(
        "odd_port_range",
        CALM,
        "The local port range has an odd number of ports, of which the kernel may miss the last"
        " one: make the number even.",
        ports.odd_port_range,
    ),
    Finding(
        "max_tw_buckets_lowered",
        WARNING,
        "tcp_max_tw_buckets was lowered: beyond it connections lose the protection of TIME_WAIT."
        " Restore the default.",
        ports.max_tw_buckets_lowered,
    ),
    Finding(
        "fin_timeout_lowered",
        CALM,
        "A lower tcp_fin_timeout shortens FIN_WAIT2, not TIME_WAIT, and cuts off slow peers:"
        " restore 60 unless that is meant.",
        ports.fin_timeout_lowered,
    ),
    Finding(
        "timestamps_disabled",
        WARNING,
        "Without TCP timestamps connect() reuses no port in TIME_WAIT, and old segments are told"
        " apart less well: set tcp_timestamps to 1.",
        protection.timestamps_disabled,
    ),
    Finding(
        "rfc1337_rejections",
        WARNING,
        "With tcp_rfc1337 a reconnect that TIME_WAIT rejects, as happens behind NAT, cannot"
        " succeed: set it to 0.",
        protection.rfc1337_rejections,
    ),
    Finding(
        "retries2_lowered",
        CALM,
        "A tcp_retries2 below 8 gives up connections that would survive a short outage: restore"
        " 15 unless that is meant.",
        protection.retries2_lowered,
    ),
    Finding(
        "syncookies_disabled",
        WARNING,
        "Without SYN cookies a full SYN queue refuses new clients: set tcp_syncookies to 1.",
        protection.syncookies_disabled,
    ),
    Finding(
        "abort_on_overflow_enabled",
        CALM,
        "A full accept queue resets clients that could have waited: set tcp_abort_on_overflow"
        " to 0.",
        protection.abort_on_overflow,
    ),
    Finding(
        "somaxconn_below_backlog",
        WARNING,
        "somaxconn seems to cut the accept queue of a service: raise it, then restart the service.",
        protection.somaxconn_below_backlog,
    ),
    Finding(
        "conntrack_time_wait_shortened",
        CALM,
        "conntrack forgets connections before TCP does, and TIME_WAIT does not get shorter by it:"
        " restore 120.",
        protection.conntrack_time_wait_shortened,
    ),
    Finding(
        "conntrack_established_below_keepalive",
        WARNING,
        "conntrack forgets idle connections before their first keepalive: raise its time-out, or"
        " lower tcp_keepalive_time.",
        protection.conntrack_established_below_keepalive,
    ),
    Finding(
        "conntrack_established_too_long",
        WARNING,
        "Dead connections stay in a crowded conntrack table for days: lower the time-out of"
        " established ones to a day.",
        protection.conntrack_established_too_long,
    ),
    Finding(
        "timed_wait_delay_out_of_bounds",
        WARNING,
        "Windows takes a TcpTimedWaitDelay of 30 to 300 seconds only: set one of them, or delete it"
        " for the default.",
        systems.timed_wait_delay_out_of_bounds,
        systems=(WINDOWS,),
    ),
    Finding(
        "max_user_port_leftover",
        CALM,
        "MaxUserPort does nothing since Windows Vista and Server 2008: delete it, and set the range"
        " with netsh where it is too small.",
        systems.max_user_port_leftover,
        systems=(WINDOWS,),
    ),
    Finding(
        "time_wait_interval_below_minimum",
        WARNING,
        "tcp_time_wait_interval is shorter than the vendor allows, so old segments may reach new"
        " connections: restore 60000.",
        systems.time_wait_interval_below_minimum,
        systems=tuple(LEAST_TIME_WAIT_INTERVAL),
    ),
)


@dataclass(frozen=True, slots=True)
class FindingState:
    """A finding and what its check found; None where there is nothing to find.

    The detail may name processes and is not escaped.
    """

    finding: Finding
    detail: str | None


def evaluate(facts: Evidence) -> tuple[tuple[FindingState, ...], SourceError | None]:
    """Return the findings that can be told, and the first error of those that cannot."""
    states: list[FindingState] = []
    first: SourceError | None = None
    for finding in FINDINGS:
        if not finding.concerns(facts.system):
            continue
        try:
            states.append(FindingState(finding, finding.check(facts)))
        except SourceError as error:
            first = first or error
        except NotAskedError:
            continue  # a collector is off: nobody wants to know
    return tuple(states), first
