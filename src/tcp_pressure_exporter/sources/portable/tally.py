"""Counts the sockets that psutil lists into the tally of a netlink dump: the same rules, pure.

What such a list cannot tell stays empty: causes of CLOSE_WAIT, whole entries, socket cookies.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tcp_pressure_exporter.facts import ports
from tcp_pressure_exporter.facts.addresses import is_loopback, is_v4
from tcp_pressure_exporter.facts.close_wait import CloseWaitCounts
from tcp_pressure_exporter.facts.sockets import TCP_TIME_WAIT
from tcp_pressure_exporter.facts.tally import (
    MAX_LOCAL_ADDRESSES,
    AddressPorts,
    Edge,
    PoolKey,
    PoolTally,
    RowRules,
    SocketTally,
    TallyRules,
)
from tcp_pressure_exporter.sources.counting.pools import LIVE, Pools
from tcp_pressure_exporter.sources.portable.sockets import PortableSocket, is_connection


@dataclass(frozen=True, slots=True)
class TimeWaitView:
    """What is known of TIME_WAIT entries at a sample.

    now_ms: on the clock of `began_ms`, which tells since when each entry is there.
    complete: whether all have been seen to begin; else no histogram of ages is made.
    shown: whether the system shows them at all.
    """

    now_ms: int
    began_ms: Mapping[PortableSocket, float]
    complete: bool
    shown: bool = True


def tally_portable_sockets(
    sockets: Iterable[PortableSocket], rules: TallyRules, view: TimeWaitView
) -> SocketTally:
    """Count the sockets that have, or had, a peer."""
    counter = _Counter(rules, view)
    for socket in sockets:
        if is_connection(socket):
            counter.add(socket)
    return counter.result()


@dataclass(slots=True)
class _LocalPorts:
    held: set[int] = field(default_factory=set)
    live: set[int] = field(default_factory=set)

    def frozen(self) -> AddressPorts:
        return AddressPorts(ports.port_set(self.held), ports.port_set(self.live))


class _Counter:
    """Adds up sockets under fixed rules, as that of readable_tally.py does."""

    def __init__(self, rules: TallyRules, view: TimeWaitView) -> None:
        self._rules = rules
        self._view = view
        self._usable = ports.to_bitmap(rules.usable)
        self._blocked = ports.to_bitmap(rules.blocked)
        self._served = ports.to_bitmap(rules.served)
        self._states: dict[tuple[bool, int], int] = {}
        self._held: set[int] = set()
        self._by_address: dict[bytes, _LocalPorts] = {}
        self._address_overflow = 0
        age_seconds = int(rules.reuse.hold) if view.complete and view.shown else 0
        # An entry that outlives the hold somewhat still counts, in the last second of it.
        self._oldest_ms = max(age_seconds * 1000 - 1, 0)
        self._outbound = Pools(age_seconds=age_seconds)
        self._inbound = Pools(age_seconds=age_seconds)

    def add(self, socket: PortableSocket) -> None:
        """Count one socket."""
        kind = (is_v4(socket.local), socket.state)
        self._states[kind] = self._states.get(kind, 0) + 1
        self._held.add(socket.local_port)
        age_ms, entered = self._age(socket)
        if ports.contains(self._served, socket.local_port):
            key = PoolKey(socket.local, socket.remote, socket.local_port.to_bytes(2))
            self._inbound.add(key, age_ms, reclaimable=False, entered=entered)
        elif ports.contains(self._usable, socket.local_port):
            self._hold(socket, live=age_ms == LIVE)
            if ports.contains(self._blocked, socket.local_port):
                return
            reclaimable = age_ms != LIVE and self._reclaimable(socket)
            key = PoolKey(socket.local, socket.remote, socket.remote_port.to_bytes(2))
            self._outbound.add(key, age_ms, reclaimable=reclaimable, entered=entered)

    def _age(self, socket: PortableSocket) -> tuple[int, bool]:
        """Return the age in ms, or LIVE, and whether the tally before did not see the entry."""
        if socket.state != TCP_TIME_WAIT:
            return LIVE, False
        began_ms = self._view.began_ms[socket]
        since = self._rules.since
        entered = since is not None and began_ms > since.ended_ms
        return int(min(self._view.now_ms - began_ms, self._oldest_ms)), entered

    def _reclaimable(self, socket: PortableSocket) -> bool:
        """Tell whether a connect() would take this TIME_WAIT entry over (tcp_twsk_unique)."""
        reuse = self._rules.reuse
        age_ms = self._view.now_ms - self._view.began_ms[socket]
        on_loopback = is_loopback(socket.local) or is_loopback(socket.remote)
        return age_ms > reuse.delay_ms and (reuse.everywhere or (reuse.on_loopback and on_loopback))

    def _hold(self, socket: PortableSocket, *, live: bool) -> None:
        local = self._by_address.get(socket.local)
        if local is None:
            if len(self._by_address) >= MAX_LOCAL_ADDRESSES:
                self._address_overflow += 1
                return
            local = self._by_address[socket.local] = _LocalPorts()
        local.held.add(socket.local_port)
        if live:
            local.live.add(socket.local_port)

    def result(self) -> SocketTally:
        """Return what was counted."""
        return SocketTally(
            edge=Edge(self._view.now_ms, self._view.now_ms, b""),
            states=self._states,
            held=ports.port_set(self._held),
            by_address={address: local.frozen() for address, local in self._by_address.items()},
            address_overflow=self._address_overflow,
            outbound=self._pools(self._outbound, self._rules.outbound_rows),
            inbound=self._pools(self._inbound, self._rules.inbound_rows),
            close_wait=CloseWaitCounts(),
            kept=(),
            kept_overflow=0,
            shows_time_wait=self._view.shown,
        )

    def _pools(self, pools: Pools, rows: RowRules) -> PoolTally:
        return replace(pools.result(rows), shows_time_wait=self._view.shown)
