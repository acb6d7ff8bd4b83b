"""What the kernel itself counted: no counter moves when connect() finds no port, but these do."""

from collections.abc import Sequence

from grafana.source.layout import Section, Shelf
from grafana.source.panel import TimeSeries
from grafana.source.query import NAMESPACE, Query, rate

EVENTS = "tcp_pressure_kernel_events_total"


def events() -> Section:
    return Section(
        "Kernel events",
        [
            Shelf(9, [(8, _time_wait()), (8, _listening()), (8, _trouble())]),
            Shelf(9, [(8, _load()), (8, _repeats()), (8, _conntrack())]),
        ],
    )


def _time_wait() -> TimeSeries:
    return _rates(
        "TIME_WAIT that refuses or is lost",
        (
            *("TCPTimeWaitOverflow", "PAWSTimewait", "TCPACKSkippedTimeWait"),
            *("PAWSEstab", "PAWSActive", "TCPACKSkippedFinWait2"),
        ),
        "TCPTimeWaitOverflow: connections closed without TIME_WAIT. PAWSTimewait,"
        " TCPACKSkippedTimeWait: a remote that reuses its ports was refused; it connects late.",
        "0; some PAWSEstab are duplicates.",
        "refusals: give the load balancer or NAT more addresses, or keep its connections open."
        " Overflow: raise tcp_max_tw_buckets.",
    )


def _listening() -> TimeSeries:
    return _rates(
        "Connections refused at listeners",
        (
            *("ListenOverflows", "ListenDrops", "TCPReqQFullDrop", "TCPReqQFullDoCookies"),
            *("SyncookiesSent", "SyncookiesRecv", "SyncookiesFailed", "TCPACKSkippedSynRecv"),
        ),
        "ListenOverflows: accept queues were full. TCPReqQFull…, Syncookies…: queues of half-open"
        " connections were full.",
        "0.",
        "overflows: the service accepts too slowly. Cookies sent and received: load; sent and not"
        " received: a flood.",
    )


def _trouble() -> TimeSeries:
    return _rates(
        "Connections that end badly",
        (
            *("TCPAbortOnData", "TCPAbortOnClose", "TCPAbortOnMemory", "TCPAbortOnTimeout"),
            *("AttemptFails", "EstabResets", "OutRsts", "TCPMemoryPressures"),
        ),
        "Resets, time-outs and failed attempts, by what the kernel calls them.",
        "low and steady for the service in question.",
        "a step: find out what was rolled out, here or at the peer. TCPAbortOnMemory: orphans or"
        " tcp_mem are at their limit.",
    )


def _load() -> TimeSeries:
    return _rates(
        "Opened, closed and taken over",
        ("ActiveOpens", "PassiveOpens", "TW", "TWRecycled"),
        "ActiveOpens: connect() sent a SYN. PassiveOpens: a client came. TW: a connection entered"
        " TIME_WAIT on this side. TWRecycled: tcp_tw_reuse took a waiting port over.",
        "as the load. ActiveOpens and TW side by side: every connection is used once.",
        "where TW follows ActiveOpens, keep connections open.",
    )


def _repeats() -> TimeSeries:
    return _rates(
        "Repeated and unanswered",
        ("TCPSynRetrans", "TCPTimeouts", "RetransSegs", "TCPBacklogDrop"),
        "Segments sent again, because the other side or the network dropped them.",
        "a fraction of a percent of the traffic.",
        "TCPSynRetrans: a destination drops SYNs: its accept queue is full, or its TIME_WAIT"
        " refuses.",
    )


def _conntrack() -> TimeSeries:
    return _rates(
        "Connection tracking",
        (
            *("nf_conntrack_insert_failed", "nf_conntrack_drop"),
            *("nf_conntrack_early_drop", "nf_conntrack_invalid"),
        ),
        "insert_failed: NAT found no free port. drop, early_drop: the table was full.",
        "0; some invalid are late packets.",
        "insert_failed: translate to more addresses. drop: raise nf_conntrack_max.",
        empty="No host chosen tracks connections.",
    )


def _rates(  # noqa: PLR0913 - the words of a panel
    title: str,
    names: Sequence[str],
    meaning: str,
    normal: str,
    action: str,
    *,
    empty: str = "No such event is counted by this kernel.",
) -> TimeSeries:
    matcher = f'event=~"{"|".join(names)}"'
    return TimeSeries(
        title=title,
        meaning=f"{meaning} All hosts chosen together.",
        normal=normal,
        action=action,
        queries=[Query(f"sum by (event) ({rate(EVENTS, NAMESPACE, matcher)})", "{{event}}")],
        unit="suffix:/s",
        empty=empty,
        low=0,
        at_least=1,
    )
