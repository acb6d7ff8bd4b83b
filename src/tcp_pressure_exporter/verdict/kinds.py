"""The words, the advice and the runbook of each kind of resource."""

from tcp_pressure_exporter.findings.kinds import LISTEN_QUEUE
from tcp_pressure_exporter.pools.directions import INBOUND, NAT, OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.usage import Usage

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


def kind_words(kind: str) -> str:
    """Name a kind of resource of findings/kinds.py."""
    return _KINDS.get(kind, kind)


def cause_words(cause: str) -> str:
    """Say why sockets are in CLOSE_WAIT, for a cause of sources/netlink/entries.py."""
    return _CAUSES[cause]


_WAITING = (
    "Most ports wait in TIME_WAIT: let the client keep connections to this destination open. At"
    " once: tcp_tw_reuse = 1, or one more local or remote address."
)
# Where nothing tells that connect() takes over ports in TIME_WAIT: tcp_tw_reuse is Linux's.
_WAITING_ELSEWHERE = (
    "Most ports wait in TIME_WAIT: let the client keep connections to this destination open. At"
    " once: one more local or remote address."
)
_LIVE = (
    "Most ports are in use by open connections: look at their owner, limit or share them. At once:"
    " one more local or remote address, or less load."
)
_ADVICE = {
    SOURCE: "Applications that bind() before connect() share these ports between all destinations:"
    " let them set IP_BIND_ADDRESS_NO_PORT (on Linux), or add a local address.",
    INBOUND: "The remote, likely a load balancer or NAT, has few ports left towards this service:"
    " let it keep connections open, or give it more addresses.",
    NAT: "This gateway has few ports left towards one destination, and drops new connections when"
    " there is none: translate to more addresses, or let the clients keep connections open.",
    LISTEN_QUEUE: "The service accepts connections too slowly: look at its load and workers. A"
    " longer queue (listen backlog, somaxconn) only bridges bursts.",
    "time_wait_buckets": "Beyond the limit connections close without TIME_WAIT: close fewer, or"
    " raise tcp_max_tw_buckets.",
    "orphans": "Connections were closed whose peers do not answer: look for a network fault or an"
    " attack. tcp_orphan_retries shortens their life.",
    "memory_bytes": "TCP buffers take the memory tcp_mem allows: look for slow readers (ss -tm), or"
    " raise tcp_mem.",
    "conntrack_entries": "Beyond the limit new connections are dropped: raise nf_conntrack_max, or"
    " exempt traffic from tracking.",
}
_CLOSE_WAIT_ADVICE = {
    "eof_unread": "The application does not read these connections to their end: it hangs, or has"
    " forgotten them. Restarting it frees them; only its code cures it.",
    "not_closed": "The application has seen that the peer closed, and does not close: a leak in its"
    " code. Restarting it frees them.",
    "peer_gone": "The peer has gone while data was on its way: it is given up after tcp_retries2"
    " retransmissions, or sooner with TCP_USER_TIMEOUT in the application.",
    "window_closed": "The peer closed its side and reads no more: let the application give up on it"
    " by a time-out of its own.",
}


def pressure_advice(kind: str) -> str:
    """Return what to do about a resource of a kind of findings/kinds.py, but `outbound`."""
    return _ADVICE[kind]


def outbound_advice(usage: Usage) -> str:
    """Return what to do about an outbound pool."""
    if (usage.time_wait or 0) * 2 <= usage.used:
        return _LIVE
    return _WAITING_ELSEWHERE if usage.reclaimable is None else _WAITING


def close_wait_advice(cause: str) -> str:
    """Return what to do about sockets in CLOSE_WAIT for a cause of sources/netlink/entries.py."""
    return _CLOSE_WAIT_ADVICE[cause]


CLOSE_WAIT = "docs/runbooks/stuck.md#tcppressureclosewaitleak"
_PRESSURES = {
    OUTBOUND: "docs/runbooks/pools.md#tcppressurepoolhigh",
    SOURCE: "docs/runbooks/pools.md#tcppressuresourcepoolhigh",
    INBOUND: "docs/runbooks/inbound.md#tcppressureinboundpoolhigh",
    NAT: "docs/runbooks/nat.md#tcppressurenatpoolhigh",
    LISTEN_QUEUE: "docs/runbooks/inbound.md#tcppressurelistenqueuehigh",
    "time_wait_buckets": "docs/runbooks/limits.md#tcppressuretimewaitbucketshigh",
    "orphans": "docs/runbooks/limits.md#tcppressureorphanshigh",
    "memory_bytes": "docs/runbooks/limits.md#tcppressurememoryhigh",
    "conntrack_entries": "docs/runbooks/nat.md#tcppressureconntrackhigh",
}


def pressure_runbook(kind: str) -> str:
    """Return the runbook of a resource of a kind of findings/kinds.py."""
    return _PRESSURES[kind]
