"""What an assessment speaks of, in words for people."""

from tcp_pressure_exporter.model.assessment import Pressure, Stuck
from tcp_pressure_exporter.model.nat_pools import NAT
from tcp_pressure_exporter.model.pools import INBOUND, OUTBOUND, SOURCE
from tcp_pressure_exporter.model.thresholds import LISTEN_QUEUE

_KINDS = {
    OUTBOUND: "outbound pool",
    INBOUND: "inbound pool",
    SOURCE: "source pool",
    NAT: "NAT pool",
    LISTEN_QUEUE: "accept queue",
    "time_wait_buckets": "TIME_WAIT buckets",
    "memory_bytes": "TCP memory",
    "conntrack_entries": "conntrack entries",
}
_CAUSES = {
    "eof_unread": "not read to the end",
    "not_closed": "read, but not closed",
    "peer_gone": "the peer does not answer",
    "window_closed": "the peer takes no data",
}


def pressure_subject(pressure: Pressure) -> str:
    """Name a resource: its kind, and which one where there are several."""
    kind = kind_words(pressure.kind)
    return f"{kind} {pressure.name}" if pressure.name else kind


def kind_words(kind: str) -> str:
    """Name a kind of resource of model/thresholds.py."""
    return _KINDS.get(kind, kind)


def stuck_subject(stuck: Stuck) -> str:
    """Name the sockets in CLOSE_WAIT of one cause."""
    return f"CLOSE_WAIT ({cause_words(stuck.cause)})"


def cause_words(cause: str) -> str:
    """Say why sockets are in CLOSE_WAIT, for a cause of sources/netlink/entries.py."""
    return _CAUSES[cause]
