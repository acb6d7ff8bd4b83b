"""The table of findings, whose rows are next to their checks, and their result for a namespace."""

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.findings import drops, ports, protection, refusals, systems
from tcp_pressure_exporter.findings.evidence import Evidence, NotAskedError
from tcp_pressure_exporter.findings.finding import Finding, FindingState

# In the order of docs/findings.md.
FINDINGS: tuple[Finding, ...] = (
    drops.CONNTRACK_DROPS,
    drops.CONNTRACK_INSERTS_FAILED,
    drops.ACCEPT_QUEUE_OVERFLOWS,
    drops.TIME_WAIT_OVERFLOWS,
    drops.TIME_WAIT_REJECTIONS,
    refusals.REFUSED_BELOW_LIMIT,
    ports.TW_RECYCLE_ENABLED,
    ports.PORT_RANGE_TOO_SMALL,
    ports.TW_REUSE_OFF_UNDER_PRESSURE,
    ports.TW_REUSE_WITHOUT_TIMESTAMPS,
    ports.TW_REUSE_REFUSED,
    ports.TW_REUSE_DELAY_LOWERED,
    ports.BIND_BEFORE_CONNECT,
    ports.MPTCP_SUBFLOWS_BIND,
    ports.LISTENER_IN_PORT_RANGE,
    ports.ODD_PORT_RANGE,
    ports.MAX_TW_BUCKETS_LOWERED,
    ports.FIN_TIMEOUT_LOWERED,
    protection.TIMESTAMPS_DISABLED,
    protection.RFC1337_REJECTIONS,
    protection.RETRIES2_LOWERED,
    protection.SYNCOOKIES_DISABLED,
    protection.ABORT_ON_OVERFLOW_ENABLED,
    protection.SOMAXCONN_BELOW_BACKLOG,
    protection.ACCEPT_QUEUE_WAS_FULL,
    protection.CONNTRACK_TIME_WAIT_SHORTENED,
    protection.CONNTRACK_ESTABLISHED_BELOW_KEEPALIVE,
    protection.CONNTRACK_ESTABLISHED_TOO_LONG,
    systems.TIMED_WAIT_DELAY_OUT_OF_BOUNDS,
    systems.MAX_USER_PORT_LEFTOVER,
    systems.TIME_WAIT_INTERVAL_BELOW_MINIMUM,
)


def evaluate(evidence: Evidence) -> tuple[tuple[FindingState, ...], SourceError | None]:
    """Return the findings that can be evaluated, and the first error of those that cannot.

    Each check is independent: a failed source affects only the findings that need it.
    """
    states: list[FindingState] = []
    first: SourceError | None = None
    for finding in FINDINGS:
        if not finding.concerns(evidence.system):
            continue
        try:
            states.append(FindingState(finding, finding.check(evidence)))
        except SourceError as error:
            first = first or error
        except NotAskedError:
            continue  # a collector is off, or the kernel does not tell
    return tuple(states), first
