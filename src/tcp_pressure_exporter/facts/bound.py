"""The counts of the sockets that own a port: those that listen and those that are only bound.

Two counters fill these types from the same bytes, with the same result: counting/bound.py is easy
to read, core/listener_tally.c is fast. Any user may open as many such sockets as memory allows, so
everything kept about individual sockets has a limit here.
"""

import struct
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tcp_pressure_exporter.facts.addresses import V4_ANY, V6_ANY, is_v4
from tcp_pressure_exporter.facts.ports import BITMAP_BYTES, from_bitmap
from tcp_pressure_exporter.facts.sockets import UNKNOWN_SOCKET, BoundSocket, SocketId

MAX_KEPT_IN_RANGE = 32_768  # sockets at usable ports: all of the usual range
MAX_KEPT_OUTSIDE = 4_096  # sockets at other ports
MAX_QUEUES = 256  # accept queues beside the watched ones
MAX_BOUND_ADDRESSES = 1_024
MAX_ADDRESS_PORTS = 262_144  # pairs of address and port


class QueueKey(NamedTuple):
    """Where connections wait: `address` as in facts/addresses.py, `scope` as in BoundSocket."""

    address: bytes
    port: int
    scope: int = 0


class AcceptQueue(NamedTuple):
    """The fullest queue of the sockets listening under one key; used, limit: see BoundSocket."""

    key: QueueKey
    used: int
    limit: int
    owner_id: SocketId = UNKNOWN_SOCKET

    @property
    def ratio(self) -> float:
        """Used ÷ limit. The kernel refuses only beyond the limit, so this may be just above 1."""
        return self.used / max(self.limit, 1)  # listen(0) still lets one connection wait


class BoundRules(NamedTuple):
    """What is kept about individual sockets.

    usable: the set of ports (facts/ports.py) whose sockets are kept in preference to others.
    watched: queues that are reported however empty they are; the first MAX_QUEUES.
    bound_only: the ports that may have sockets that are only bound, apart from those that listen;
    None where that is not known. If there are no such ports, there is no need to look for such
    sockets.
    """

    usable: int = 0
    watched: Collection[QueueKey] = ()
    bound_only: int | None = None


# Address, cgroup id, scope, queue used and limit, inode, port, flags: struct kept_socket in
# listener_tally.h. A BoundSocket takes seven times as much.
_KEPT = struct.Struct("=16sQIIIIHBx4x")
_LISTENING, _IPV6_ONLY, _CGROUP, _QUEUE = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class KeptSockets:
    """Sockets kept whole, in a few bytes each."""

    packed: bytes = b""

    def __iter__(self) -> Iterator[BoundSocket]:
        """Yield them in the order in which they were reported."""
        for address, cgroup, scope, used, limit, inode, port, flags in _KEPT.iter_unpack(
            self.packed
        ):
            yield BoundSocket(
                address=address,
                port=port,
                listening=bool(flags & _LISTENING),
                ipv6_only=bool(flags & _IPV6_ONLY),
                queue_used=used,
                queue_limit=limit if flags & _QUEUE else None,
                owner_id=SocketId(inode, cgroup if flags & _CGROUP else None),
                scope=scope,
            )

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.packed) // _KEPT.size


def packed_socket(socket: BoundSocket) -> bytes:
    """Return the socket as KeptSockets stores it."""
    inode, cgroup = socket.owner_id
    flags = (
        _LISTENING * socket.listening
        | _IPV6_ONLY * socket.ipv6_only
        | _CGROUP * (cgroup is not None)
        | _QUEUE * (socket.queue_limit is not None)
    )
    return _KEPT.pack(
        *(socket.address, cgroup or 0, socket.scope, socket.queue_used, socket.queue_limit or 0),
        *(inode, socket.port, flags),
    )


@dataclass(frozen=True, slots=True)
class BoundTally:
    """The sockets of a namespace that listen or are only bound.

    Sets of ports are those of facts/ports.py.
    listeners: how many listen, by whether their address is IPv4.
    listening, bound_only: the ports with a socket that listens, or that is only bound.
    by_address: the ports of each address, as native unsigned shorts in any order, perhaps with
    repeats.
    dual_stack: the ports of sockets at [::] that also accept IPv4.
    anywhere: the ports of sockets for which `by_address` had no room: they count for every address.
    overflow: how many such sockets there are.
    queues: the watched queues and the MAX_QUEUES fullest others, in the order of their first
    sockets.
    transparent: whether a listening socket has IP_TRANSPARENT (TPROXY): it may serve any address.
    kept: the first sockets, at most MAX_KEPT_IN_RANGE and MAX_KEPT_OUTSIDE; kept_overflow: how many
    others there are.
    """

    listeners: Mapping[bool, int]
    listening: int = 0
    bound_only: int = 0
    by_address: Mapping[bytes, bytes] = field(default_factory=dict)
    dual_stack: int = 0
    anywhere: int = 0
    overflow: int = 0
    queues: tuple[AcceptQueue, ...] = ()
    transparent: bool = False
    kept: KeptSockets = KeptSockets()
    kept_overflow: int = 0

    @property
    def owned(self) -> int:
        """The set of ports owned by a socket that listens or is only bound."""
        return self.listening | self.bound_only

    def at(self, address: bytes) -> int:
        """Return the set of ports that sockets have, or may have, at exactly this address."""
        packed = self.by_address.get(address, b"")
        return self.anywhere | ports_from_shorts(packed)

    def excluding(self, address: bytes) -> int:
        """Return the set of ports where an existing socket rules out a bind to the address."""
        if is_v4(address):
            return self.at(address) | self.at(V4_ANY) | self.dual_stack
        return self.at(address) | self.at(V6_ANY)

    def with_bound_only(self, other: "BoundTally") -> "BoundTally":
        """Return this tally plus another, of sockets that are only bound."""
        mine, theirs = self.by_address, other.by_address
        merged = {
            address: mine.get(address, b"") + theirs.get(address, b"")
            for address in mine.keys() | theirs.keys()
        }
        return replace(
            self,
            bound_only=self.bound_only | other.bound_only,
            by_address=merged,
            dual_stack=self.dual_stack | other.dual_stack,
            anywhere=self.anywhere | other.anywhere,
            overflow=self.overflow + other.overflow,
            kept=KeptSockets(self.kept.packed + other.kept.packed),
            kept_overflow=self.kept_overflow + other.kept_overflow,
        )


def ports_from_shorts(packed: bytes) -> int:
    """Return the set of ports (facts/ports.py) in an array of native unsigned shorts."""
    bitmap = bytearray(BITMAP_BYTES)
    for port in memoryview(packed).cast("H"):
        bitmap[port >> 3] |= 1 << (port & 7)
    return from_bitmap(bitmap)


def shorts_of(ports: Iterable[int]) -> bytes:
    """Return ports as an array of native unsigned shorts."""
    return array("H", ports).tobytes()
