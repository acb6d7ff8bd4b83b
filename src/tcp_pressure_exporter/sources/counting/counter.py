"""Counts sockets by fixed rules, wherever they come from: a netlink dump or psutil's list.

Strategy: each socket is looked at once. Its local port decides where it belongs: a port that this
host serves puts it in an inbound pool, any other port in an outbound pool; the kernel's rules
(`TallyRules`) decide which ports and which TIME_WAIT entries count. A socket at a port that no
connect() chooses belongs to a separate pool (`privileged`, `explicit`), unless accepted.py finds
that connections were accepted at that port.
"""

from typing import NamedTuple

from tcp_pressure_exporter.facts import ports
from tcp_pressure_exporter.facts.addresses import LOOPBACK_IFINDEX, is_loopback, is_v4
from tcp_pressure_exporter.facts.close_wait import CAUSES, CloseWaitCounts
from tcp_pressure_exporter.facts.ports import contains
from tcp_pressure_exporter.facts.sockets import STATE_NAMES
from tcp_pressure_exporter.facts.tally import (
    MAX_LOCAL_ADDRESSES,
    MAX_OUTSIDE_POOLS,
    AddressPorts,
    Edge,
    LocalAddress,
    SocketTally,
    TallyRules,
)
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.sources.counting.accepted import PortPairs
from tcp_pressure_exporter.sources.counting.pools import LIVE, Pools

PROT_SOCK = 1024  # include/net/ip.h: ports below it need a privilege


class Entry(NamedTuple):
    """One socket that is not listening, as a decoder passes it to the counter.

    local, remote: addresses as in facts/addresses.py. The ports are in network order. state: one
    of STATE_NAMES (facts/sockets.py).
    interface: index of the one that it is bound to, 0 for none.
    age_ms: how long it has been in TIME_WAIT; LIVE in any other state.
    entered: whether it was not yet in TIME_WAIT in the previous tally.
    cause: one of CAUSES (facts/close_wait.py); "" in other states and where it is not known.
    now_ms: when it had this age, on the kernel's clock; 0 where that is not known.
    """

    local: bytes
    local_port: bytes
    remote: bytes
    remote_port: bytes
    state: int
    interface: int = 0
    age_ms: int = LIVE
    entered: bool = False
    cause: str = ""
    now_ms: int = 0


class SocketCounter:
    """Adds up entries; age_seconds: the length of histograms of ages, None: as the rules say."""

    def __init__(self, rules: TallyRules, age_seconds: int | None = None) -> None:
        if age_seconds is None:
            age_seconds = rules.reuse.lengths.age_seconds
        self._rules = rules
        self._usable = ports.to_bitmap(rules.usable)
        self._blocked = ports.to_bitmap(rules.blocked)
        self._served = ports.to_bitmap(rules.served)
        self._states = {(v4, state): 0 for v4 in (False, True) for state in STATE_NAMES}
        self._held = bytearray(ports.BITMAP_BYTES)
        self._local_ports = _LocalPorts()
        self._outbound = Pools(age_seconds=age_seconds)
        self._inbound = Pools(age_seconds=age_seconds)
        self._privileged = Pools(age_seconds=age_seconds, most=MAX_OUTSIDE_POOLS)
        self._explicit = Pools(age_seconds=age_seconds, most=MAX_OUTSIDE_POOLS)
        self._outside = PortPairs()
        self._close_wait = dict.fromkeys(CAUSES, 0)

    def add(self, entry: Entry) -> None:
        """Count one entry."""
        local, local_port, remote, remote_port, state, scope, age_ms, entered, cause, _ = entry
        port = int.from_bytes(local_port)
        self._states[is_v4(local), state] += 1
        self._held[port >> 3] |= 1 << (port & 7)
        if cause:
            self._close_wait[cause] += 1
        if contains(self._served, port):
            ends = (local, remote, local_port, scope)
            outside = int.from_bytes(remote_port) not in ports.DEFAULT_RANGE
            self._inbound.add(ends, age_ms, entered=entered, outside=outside)
        elif contains(self._usable, port) and not self._is_foreign(local, port):
            self._local_ports.add(LocalAddress(local, scope), port, live=age_ms == LIVE)
            if self._is_source(local, port):
                self._add_outside(entry, port)
                return
            if contains(self._blocked, port):
                return
            reclaimable = age_ms != LIVE and self._reclaimable(entry)
            ends = (local, remote, remote_port, scope)
            self._outbound.add(ends, age_ms, reclaimable=reclaimable, entered=entered)
        else:
            self._add_outside(entry, port)

    def _is_foreign(self, local: bytes, port: int) -> bool:
        """Tell whether a port that connect() may choose is at another host's address."""
        own = self._rules.own
        if not own or contains(self._blocked, port):
            return False
        return not any(network.has(local, port) for network in own)

    def _is_source(self, local: bytes, port: int) -> bool:
        return any(network.has(local, port) for network in self._rules.sources)

    def _add_outside(self, entry: Entry, port: int) -> None:
        self._outside.add(port, int.from_bytes(entry.remote_port))
        privileged = port < PROT_SOCK and not self._is_source(entry.local, port)
        pools = self._privileged if privileged else self._explicit
        ends = (entry.local, entry.remote, entry.remote_port, entry.interface)
        pools.add(ends, entry.age_ms, entered=entry.entered)

    def _reclaimable(self, entry: Entry) -> bool:
        """Tell whether a connect() would take over this TIME_WAIT entry (tcp_twsk_unique)."""
        reuse = self._rules.reuse
        if not _waited(entry, reuse):
            return False
        return reuse.everywhere or (
            reuse.on_loopback
            and (
                entry.interface == LOOPBACK_IFINDEX  # tw_bound_dev_if in tcp_twsk_unique
                or is_loopback(entry.local)
                or is_loopback(entry.remote)
            )
        )

    def result(
        self,
        edge: Edge,
        kept: tuple[bytes, ...] = (),
        kept_overflow: int = 0,
        longest_left_ms: int = 0,
    ) -> SocketTally:
        """Return what was counted, together with what only the decoder knows."""
        return SocketTally(
            edge=edge,
            states=self._states,
            held=ports.from_bitmap(self._held),
            by_address=self._local_ports.by_address(),
            address_overflow=self._local_ports.overflow,
            outbound=self._outbound.result(self._rules.outbound_rows),
            inbound=self._inbound.result(self._rules.inbound_rows),
            privileged=self._privileged.result(self._rules.privileged_rows),
            explicit=self._explicit.result(self._rules.explicit_rows),
            accepted=self._outside.accepted(),
            close_wait=CloseWaitCounts(**self._close_wait),
            kept=kept,
            kept_overflow=kept_overflow,
            longest_left_ms=longest_left_ms,
        )


def _waited(entry: Entry, reuse: TimeWaitReuse) -> bool:
    """Tell whether an entry is old enough for a connect() to take it over."""
    if reuse.whole_seconds:  # time_after32(ktime_get_seconds(), tw_ts_recent_stamp)
        return entry.age_ms > entry.now_ms % 1000  # it began before this second
    return entry.age_ms > reuse.delay_ms


class _Bitmaps:
    """The ports of one local address while they are counted."""

    __slots__ = ("held", "live")

    def __init__(self) -> None:
        self.held = bytearray(ports.BITMAP_BYTES)
        self.live = bytearray(ports.BITMAP_BYTES)

    def frozen(self) -> AddressPorts:
        return AddressPorts(ports.from_bitmap(self.held), ports.from_bitmap(self.live))


class _LocalPorts:
    """The ports of each local address; overflow: sockets at addresses without room."""

    def __init__(self) -> None:
        self._bitmaps: dict[LocalAddress, _Bitmaps] = {}
        self.overflow = 0

    def add(self, local: LocalAddress, port: int, *, live: bool) -> None:
        bitmaps = self._bitmaps.get(local)
        if bitmaps is None:
            if len(self._bitmaps) >= MAX_LOCAL_ADDRESSES:
                self.overflow += 1
                return
            bitmaps = self._bitmaps[local] = _Bitmaps()
        bit = 1 << (port & 7)
        bitmaps.held[port >> 3] |= bit
        if live:
            bitmaps.live[port >> 3] |= bit

    def by_address(self) -> dict[LocalAddress, AddressPorts]:
        return {address: bitmaps.frozen() for address, bitmaps in self._bitmaps.items()}
