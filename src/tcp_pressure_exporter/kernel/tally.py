"""One dump of all sockets that are not listening, counted: datagrams in, aggregates out.

Strategy: each entry is looked at once. Its local port decides what it is: a port that this host
serves makes it part of an inbound pool, any other one part of an outbound pool; the kernel's
rules (`TallyRules`) decide which ports and which TIME_WAIT entries count. Nothing is kept per
socket. `tally_sockets` is the whole interface.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tcp_pressure_exporter.kernel import ports
from tcp_pressure_exporter.kernel.addresses import is_loopback, is_v4, normal_address
from tcp_pressure_exporter.kernel.errors import SourceError
from tcp_pressure_exporter.kernel.inet_diag import (
    MESSAGE,
    STATE_NAMES,
    TCP_TIME_WAIT,
    TCPDIAG_GETSOCK,
    TIME_WAIT_MS,
)
from tcp_pressure_exporter.kernel.netlink import dump_payloads
from tcp_pressure_exporter.kernel.time_wait import TimeWaitReuse

LOOPBACK_INDEX = 1  # include/net/net_namespace.h: LOOPBACK_IFINDEX
MAX_POOLS = 131_072  # per direction: what a flood of addresses may cost in memory
MAX_LOCAL_ADDRESSES = 1_024  # two bitmaps of 8 KiB each


@dataclass(frozen=True, slots=True)
class TallyRules:
    """What decides how an entry counts; the port sets are those of kernel/ports.py.

    usable: the ports a connect() may choose from.
    blocked: ports no connect() can choose because a socket was bound there.
    served: ports whose sockets were accepted, not connected, here.
    """

    usable: int
    blocked: int
    served: int
    reuse: TimeWaitReuse


class PoolKey(NamedTuple):
    """The two fixed ends of a pool; `port` is the fixed one, in network order."""

    local_address: bytes
    remote_address: bytes
    port: bytes


class PoolCount(NamedTuple):
    """Ports of one pool: all that a socket holds, of these in TIME_WAIT, of these reclaimable."""

    ports: int
    time_wait: int
    reclaimable: int


class AddressPorts(NamedTuple):
    """Local ports of one address (kernel/ports.py): held by any socket, and held by a live one."""

    held: int
    live: int


@dataclass(frozen=True, slots=True)
class SocketTally:
    """The aggregates of one dump.

    states: sockets by (IPv4 on the wire, state number).
    held: the set of local ports that any socket holds.
    by_address: the same per local address, live meaning not in TIME_WAIT.
    outbound, inbound: the pools; overflow counts the sockets beyond MAX_POOLS pools, and
    address_overflow those beyond MAX_LOCAL_ADDRESSES.
    """

    states: Mapping[tuple[bool, int], int]
    held: int
    by_address: Mapping[bytes, AddressPorts]
    outbound: Mapping[PoolKey, PoolCount]
    inbound: Mapping[PoolKey, PoolCount]
    outbound_overflow: int
    inbound_overflow: int
    address_overflow: int


def tally_sockets(datagrams: Iterable[bytes], sequence: int, rules: TallyRules) -> SocketTally:
    """Count the sockets of a dump.

    Raises SourceError as `dump_payloads` does and on an entry that is cut short or unknown.
    """
    counter = _Counter(rules)
    for payload in dump_payloads(datagrams, TCPDIAG_GETSOCK, sequence):
        counter.add(payload)
    return counter.result()


@dataclass(slots=True)
class _Pools:
    """The pools of one direction while they are counted."""

    counts: dict[PoolKey, list[int]] = field(default_factory=dict)
    overflow: int = 0

    def add(self, key: PoolKey, *, time_wait: bool, reclaimable: bool) -> None:
        count = self.counts.get(key)
        if count is None:
            if len(self.counts) >= MAX_POOLS:
                self.overflow += 1
                return
            count = self.counts[key] = [0, 0, 0]
        count[0] += 1
        count[1] += time_wait
        count[2] += reclaimable

    def frozen(self) -> dict[PoolKey, PoolCount]:
        return {key: PoolCount(*count) for key, count in self.counts.items()}


class _Bitmaps:
    """The ports of one local address while they are counted."""

    __slots__ = ("held", "live")

    def __init__(self) -> None:
        self.held = bytearray(ports.BITMAP_BYTES)
        self.live = bytearray(ports.BITMAP_BYTES)

    def frozen(self) -> AddressPorts:
        return AddressPorts(ports.from_bitmap(self.held), ports.from_bitmap(self.live))


class _Counter:
    """Adds up entries under fixed rules."""

    def __init__(self, rules: TallyRules) -> None:
        self._reuse = rules.reuse
        self._free_to_choose = ports.to_bitmap(rules.usable & ~rules.blocked)
        self._served = ports.to_bitmap(rules.served)
        self._states: dict[tuple[bool, int], int] = {}
        self._by_address: dict[bytes, _Bitmaps] = {}
        self._unattributed = _Bitmaps()
        self._address_overflow = 0
        self._outbound = _Pools()
        self._inbound = _Pools()

    def add(self, payload: memoryview) -> None:
        """Count one entry."""
        if len(payload) < MESSAGE.size:
            raise SourceError("inet_diag message", f"{len(payload)} bytes, not {MESSAGE.size}")
        (family, state, _timer, _retransmits, local_port, remote_port, source, destination,
         interface, _cookie, expires, *_) = MESSAGE.unpack_from(payload)  # fmt: skip
        if state not in STATE_NAMES:
            raise SourceError("inet_diag message", f"state {state} is unknown")
        local = normal_address(family, source)
        remote = normal_address(family, destination)
        kind = (is_v4(local), state)
        self._states[kind] = self._states.get(kind, 0) + 1
        port = int.from_bytes(local_port)
        time_wait = state == TCP_TIME_WAIT
        self._hold(local, port, live=not time_wait)
        if _contains(self._served, port):
            key = PoolKey(local, remote, local_port)
            self._inbound.add(key, time_wait=time_wait, reclaimable=False)
        elif _contains(self._free_to_choose, port):
            reclaimable = time_wait and self._reclaimable(local, remote, interface, expires)
            key = PoolKey(local, remote, remote_port)
            self._outbound.add(key, time_wait=time_wait, reclaimable=reclaimable)

    def _hold(self, local: bytes, port: int, *, live: bool) -> None:
        bitmaps = self._by_address.get(local)
        if bitmaps is None:
            if len(self._by_address) < MAX_LOCAL_ADDRESSES:
                bitmaps = self._by_address[local] = _Bitmaps()
            else:
                self._address_overflow += 1
                bitmaps = self._unattributed
        bit = 1 << (port & 7)
        bitmaps.held[port >> 3] |= bit
        if live:
            bitmaps.live[port >> 3] |= bit

    def _reclaimable(self, local: bytes, remote: bytes, interface: int, expires: int) -> bool:
        """Tell whether a connect() would take this TIME_WAIT entry over (tcp_twsk_unique)."""
        if TIME_WAIT_MS - expires <= self._reuse.delay_ms:
            return False
        return self._reuse.everywhere or (
            self._reuse.on_loopback
            and (interface == LOOPBACK_INDEX or is_loopback(local) or is_loopback(remote))
        )

    def result(self) -> SocketTally:
        """Return what was counted."""
        by_address = {address: bits.frozen() for address, bits in self._by_address.items()}
        held = self._unattributed.frozen().held
        for address_ports in by_address.values():
            held |= address_ports.held
        return SocketTally(
            states=self._states,
            held=held,
            by_address=by_address,
            outbound=self._outbound.frozen(),
            inbound=self._inbound.frozen(),
            outbound_overflow=self._outbound.overflow,
            inbound_overflow=self._inbound.overflow,
            address_overflow=self._address_overflow,
        )


def _contains(bitmap: bytes, port: int) -> int:
    return bitmap[port >> 3] >> (port & 7) & 1
