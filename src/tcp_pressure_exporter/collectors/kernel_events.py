"""The kernel's own counters for TCP and connection tracking.

Exposition:

    tcp_pressure_kernel_events_total{netns="host",event="TCPTimeWaitOverflow"} 7.0
    tcp_pressure_kernel_events_total{netns="host",event="ListenOverflows"} 0.0
"""

from collections.abc import Iterator, Mapping

from tcp_pressure_exporter.collectors.family import Family, Row, rows_of
from tcp_pressure_exporter.sample.sample import KERNEL_EVENTS, NamespaceSample

# Those of some 150 counters that indicate pressure: each is a series. docs/metrics.md explains
# them.
EVENTS = (
    # TIME_WAIT. TWKilled counts short FIN_WAIT2 entries, not kills: it would only mislead.
    "TW",
    "TWRecycled",
    "TCPTimeWaitOverflow",
    # Segments that came for TIME_WAIT entries, or with old timestamps.
    "PAWSActive",
    "PAWSEstab",
    "PAWSTimewait",
    "TCPACKSkippedTimeWait",
    "TCPACKSkippedFinWait2",
    "TCPACKSkippedSynRecv",
    # Listeners.
    "ListenOverflows",
    "ListenDrops",
    "TCPReqQFullDoCookies",
    "TCPReqQFullDrop",
    "SyncookiesSent",
    "SyncookiesRecv",
    "SyncookiesFailed",
    # Connections that the kernel ended, and why.
    "TCPAbortOnData",
    "TCPAbortOnClose",
    "TCPAbortOnMemory",
    "TCPAbortOnTimeout",
    # Load, loss and memory.
    "TCPMemoryPressures",
    "TCPBacklogDrop",
    "TCPSynRetrans",
    "TCPTimeouts",
    "RetransSegs",
    # What opens and ends: the scale for all the others.
    "ActiveOpens",
    "PassiveOpens",
    "AttemptFails",
    "EstabResets",
    "OutRsts",
    # Connection tracking, for all protocols: a NAT gateway's lost connections.
    "nf_conntrack_insert_failed",
    "nf_conntrack_drop",
    "nf_conntrack_early_drop",
    "nf_conntrack_invalid",
)


def _events(counters: Mapping[str, int]) -> Iterator[Row]:
    for event in EVENTS:
        if event in counters:
            yield (event,), counters[event]


FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_kernel_events_total",
        "The kernel's own counters for the network namespace since it was created, IPv4 and"
        " IPv6 together. event is the name in /proc/net/netstat (TcpExt), in /proc/net/snmp"
        " (Tcp) or, after nf_conntrack_, in /proc/net/stat/nf_conntrack; events that this"
        " kernel does not have are absent. None of them counts a connect() or bind() that found"
        " no port. docs/metrics.md says what each one means. Linux only.",
        ("netns", "event"),
        rows_of(KERNEL_EVENTS, _events),
        kind="counter",
    ),
)
