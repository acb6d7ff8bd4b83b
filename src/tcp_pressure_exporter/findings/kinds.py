"""Each kind of finite resource in one row: when it is bad, its words, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from tcp_pressure_exporter.pools.directions import INBOUND, NAT, OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.near_limit.live_states import (
    CLOSE_WAIT,
    FIN_UNANSWERED,
    FIN_WAIT2_ORPHAN,
    FIN_WAIT2_OWNED,
    SYN_SENT,
    StateCount,
)
from tcp_pressure_exporter.pools.usage import Usage, is_mostly


class Severity(IntEnum):
    """How bad something is; the value is also the report's exit code.

    calm: nothing to do now. warning: act in working hours. critical: act now.
    """

    CALM = 0
    WARNING = 1
    CRITICAL = 2


NEVER = float("inf")
SOON = 60.0  # seconds to exhaustion: too little time for anyone but a machine to act
CROWDED = 0.5  # ratio from which a table or queue is worth a closer look, although it is calm

LISTEN_QUEUE = "listen_queue"
BLOCKED_PORTS = "blocked_ports"
CONNTRACK_ENTRIES = "conntrack_entries"
TIME_WAIT_BUCKETS = "time_wait_buckets"
ORPHANS = "orphans"


class TimeWaitAdvice(NamedTuple):
    """What to do if TIME_WAIT holds most of the ports.

    reuse: if connect() may take over such ports, or can be made to. no_reuse: if nothing shows that
    it does, as only Linux has tcp_tw_reuse. refused: if the kernel was asked, and does not give
    most of them back. bound: if most belonged to sockets that were bound before.
    """

    reuse: str
    no_reuse: str
    refused: str
    bound: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of finite resource.

    name: stable: a direction of pools, BLOCKED_PORTS, LISTEN_QUEUE, or the name of a kernel
    resource.
    words: what people call it. warning, critical: the ratios of used to limit from which it is that
    bad; those in deploy/prometheus/rules if an alert of that severity is about it.
    advice: what to do. in_time_wait, when_blocked, when_none: what to do instead if TIME_WAIT holds
    most of it, if bound sockets and listeners do, and if there is no port at all.
    in_state: what to do instead if live sockets in such a state fill it (live_states.py); the
    number of ports that they hold goes before it.
    runbook: where to find more. in_bytes: used and limit are bytes, otherwise numbers of things.
    none_is_full: whether a limit of 0 leaves no room; a queue of 0 lets one connection wait.
    """

    name: str
    words: str
    warning: float
    critical: float
    advice: str
    runbook: str
    in_time_wait: TimeWaitAdvice | None = None
    when_blocked: str | None = None
    when_none: str | None = None
    in_state: Mapping[str, str] | None = None
    in_bytes: bool = False
    none_is_full: bool = False

    def ratio(self, used: int, limit: int) -> float:
        """Return used ÷ limit; what is full has 1 or more."""
        if limit == 0 and self.none_is_full:
            return 1.0
        return used / max(limit, 1)

    def advice_for(
        self, usage: Usage, *, bound: bool = False, filling: StateCount | None = None
    ) -> str:
        """Return what to do about ports of this kind.

        bound: whether most of its ports in TIME_WAIT are known to be from sockets that were bound.
        filling: the state of most of its live sockets, if these fill it.
        """
        if self.when_none and usage.limit == 0:
            return self.when_none
        if self.when_blocked and usage.mostly_blocked:
            return self.when_blocked
        if self.in_time_wait and usage.mostly_time_wait:
            return self._advice_in_time_wait(self.in_time_wait, usage, bound=bound)
        if filling and self.in_state and filling.state in self.in_state:
            many = "Most" if is_mostly(filling.sockets, usage.used) else "Many"
            return f"{many} ports {self.in_state[filling.state]}"
        return self.advice

    @staticmethod
    def _advice_in_time_wait(waiting: TimeWaitAdvice, usage: Usage, *, bound: bool) -> str:
        if usage.reclaimable is None:
            return waiting.no_reuse
        if bound:
            return waiting.bound
        return waiting.refused if is_mostly(usage.refused, usage.used) else waiting.reuse


_BLOCKED = (
    "No connection can use them, and adding an address does not help: close them, or set"
    " IP_BIND_ADDRESS_NO_PORT before binding (on Linux). Right now: widen the local port range."
)
# A client does not use another local address by itself: the route determines connect()'s.
_ANOTHER_ADDRESS = "add a remote address, or a local one to bind to with IP_BIND_ADDRESS_NO_PORT"
_IN_STATE = {
    SYN_SENT: (
        "are waiting for an answer to their SYN (SYN_SENT): the destination is down, or a"
        " firewall drops the packets. Fix that, or take the destination out of rotation. Right"
        " now: shorten the client's connect timeout, or lower tcp_syn_retries."
    ),
    FIN_WAIT2_ORPHAN: (
        "belong to no process (FIN_WAIT2): this end has closed them, the peer has not. Make"
        " the peer close. Right now: lower tcp_fin_timeout; at 5, a port closed from then on is"
        " free after about 8 s."
    ),
    FIN_WAIT2_OWNED: (
        "are half-closed and still held by the application (FIN_WAIT2), while the peer does"
        " not close. No kernel timeout ends that: make the application close them after a"
        " timeout of its own, or make the peer close."
    ),
    FIN_UNANSWERED: (
        "are closed, but the peer does not answer the FIN (FIN_WAIT1, LAST_ACK, CLOSING): look"
        " for a network fault, a firewall, or a peer that is gone or has stopped reading. Right"
        " now: set tcp_orphan_retries to 1, which drops them within seconds."
    ),
    CLOSE_WAIT: (
        "are in CLOSE_WAIT: the peer has closed, the application here has not. Only closing"
        " them frees the ports: restart the application, and fix its leak."
    ),
}
_POOLS = (
    Kind(
        name=BLOCKED_PORTS,
        words="local ports held by bound sockets and listeners",
        warning=0.70,  # every outbound pool starts with these
        critical=0.90,
        advice=_BLOCKED,
        when_none="Every port in the local port range is reserved (on Linux by"
        " ip_local_reserved_ports), so connect() fails: reserve fewer ports, or widen the"
        " range.",
        runbook="docs/runbooks/pools.md#tcppressurepoolhigh",
        none_is_full=True,
    ),
    Kind(
        name=OUTBOUND,
        words="outbound pool",
        warning=0.70,  # connect() slows down from a half up, and fails at 1
        critical=0.90,
        advice="Most ports are held by open connections: find their owner, and limit or share the"
        f" connections. Right now: reduce load, {_ANOTHER_ADDRESS}.",
        in_time_wait=TimeWaitAdvice(
            reuse="Most ports are in TIME_WAIT: have the client keep connections open. Right"
            " now: set tcp_tw_reuse to 1 (if the peer sends timestamps and the client does"
            f" not bind its port), {_ANOTHER_ADDRESS}.",
            no_reuse="Most ports are in TIME_WAIT: have the client keep connections open. Right"
            " now: add a remote address, or a local one that the client binds to.",
            refused="Most ports are in TIME_WAIT, and tcp_tw_reuse does not help: the peer sends"
            " no timestamps, or the client binds its port. Have the client keep connections"
            f" open. Right now: {_ANOTHER_ADDRESS}.",
            bound="Most ports are in TIME_WAIT and were bound before connect(), which blocks"
            " them for every destination: neither tcp_tw_reuse nor another remote address"
            " helps. Have the client set IP_BIND_ADDRESS_NO_PORT, and keep connections"
            " open.",
        ),
        when_blocked=_BLOCKED,
        in_state=_IN_STATE,
        runbook="docs/runbooks/pools.md#tcppressurepoolhigh",
        none_is_full=True,
    ),
    Kind(
        name=SOURCE,
        words="source pool",
        warning=0.80,  # both only if applications bind: findings/binding.py
        critical=1.0,  # bind(address, 0) fails
        advice="Applications that bind() before connect() share these ports across all"
        " destinations: make them set IP_BIND_ADDRESS_NO_PORT (on Linux), or give some of"
        " them another local address to bind to.",
        when_blocked=_BLOCKED,
        runbook="docs/runbooks/pools.md#tcppressuresourcepoolhigh",
        none_is_full=True,
    ),
    Kind(
        name=INBOUND,
        words="inbound pool",
        warning=0.90,  # the remote may be able to reuse ports in TIME_WAIT
        critical=NEVER,
        advice="The remote, probably a load balancer or NAT gateway, has few ports left for this"
        " service: make it keep connections open, or give it more addresses.",
        runbook="docs/runbooks/inbound.md#tcppressureinboundpoolhigh",
    ),
    Kind(
        name=NAT,
        words="NAT pool",
        warning=0.75,
        critical=0.85,  # from 0.84 up, the kernel's bounded search misses free ports
        advice="This gateway has few ports left for one destination, and drops new connections"
        " once there is none: translate to more addresses, or make the clients keep"
        " connections open.",
        runbook="docs/runbooks/nat.md#tcppressurenatpoolhigh",
    ),
)
_RESOURCES = (
    Kind(
        name=LISTEN_QUEUE,
        words="accept queue",
        warning=0.80,  # the next burst is dropped
        critical=NEVER,
        advice="The service accepts connections too slowly: check its load and workers. A longer"
        " queue (listen backlog, somaxconn) only absorbs bursts.",
        runbook="docs/runbooks/inbound.md#tcppressurelistenqueuehigh",
    ),
    Kind(
        name=TIME_WAIT_BUCKETS,
        words="TIME_WAIT buckets",
        warning=0.80,
        critical=1.0,  # connections close without TIME_WAIT
        advice="Above the limit, connections close without TIME_WAIT: close fewer of them, or"
        " raise tcp_max_tw_buckets.",
        runbook="docs/runbooks/limits.md#tcppressuretimewaitbucketshigh",
    ),
    Kind(
        name=ORPHANS,
        words="orphans",
        warning=0.25,  # the kernel may count a suspicious one four times
        critical=0.50,
        advice="These connections are closed here, but their peers do not answer: look for a"
        " network fault or an attack. Lower tcp_orphan_retries to drop them sooner.",
        runbook="docs/runbooks/limits.md#tcppressureorphanshigh",
    ),
    Kind(
        name="memory_bytes",
        words="TCP memory",
        warning=0.80,  # already under pressure before this
        critical=0.95,
        advice="TCP buffers use most of the memory that tcp_mem allows: look for slow readers (ss"
        " -tm), or raise tcp_mem.",
        runbook="docs/runbooks/limits.md#tcppressurememoryhigh",
        in_bytes=True,
    ),
    Kind(
        name=CONNTRACK_ENTRIES,
        words="conntrack entries",
        warning=0.75,
        critical=0.90,  # at 1, new connections are dropped
        advice="Above the limit, new connections are dropped: raise nf_conntrack_max, or exempt"
        " traffic from tracking.",
        runbook="docs/runbooks/nat.md#tcppressureconntrackhigh",
    ),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (*_POOLS, *_RESOURCES)}


def severity_of(kind: str, ratio: float, seconds_left: float | None) -> Severity:
    """Return how bad it is for a resource of a kind to be that full, with that much time left.

    seconds_left: until it is full, None if not known. The result is never worse than the kind's row
    allows: a kind that is not critical when full is not critical before that either.
    """
    row = KINDS[kind]
    soon = seconds_left is not None and seconds_left < SOON
    if ratio >= row.critical or (soon and row.critical < NEVER):
        return Severity.CRITICAL
    return Severity.WARNING if soon or ratio >= row.warning else Severity.CALM
