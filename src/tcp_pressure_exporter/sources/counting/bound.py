"""Counts the sockets that own a port, in a dump or a list, readably: the oracle in Python.

Strategy: each socket is looked at once. Queues go into a table in which the emptiest gives way to a
fuller one. The first pairs of address and port are kept; a port without room counts for every
address.
"""

from collections.abc import Iterable

from tcp_pressure_exporter.facts.addresses import V6_ANY, is_v4, normal_address
from tcp_pressure_exporter.facts.bound import (
    MAX_ADDRESS_PORTS,
    MAX_BOUND_ADDRESSES,
    MAX_KEPT_IN_RANGE,
    MAX_KEPT_OUTSIDE,
    MAX_QUEUES,
    AcceptQueue,
    BoundRules,
    BoundTally,
    KeptSockets,
    QueueKey,
    packed_socket,
    shorts_of,
)
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import BITMAP_BYTES, contains, from_bitmap, to_bitmap
from tcp_pressure_exporter.facts.sockets import TCP_LISTEN, BoundSocket
from tcp_pressure_exporter.sources.netlink.inet_diag import (
    INET_DIAG_SKV6ONLY,
    INET_DIAG_SOCKOPT,
    MESSAGE,
    TCPDIAG_GETSOCK,
    TRANSPARENT,
    entry_attributes,
    socket_id,
)
from tcp_pressure_exporter.sources.netlink.messages import dump_payloads


def tally_bound_datagrams(
    datagrams: Iterable[bytes], sequence: int, rules: BoundRules
) -> BoundTally:
    """Count the sockets in a dump that listen or are only bound.

    Raises SourceError as `dump_payloads` does, and on a truncated entry.
    """
    counter = BoundCounter(rules)
    for payload in dump_payloads(datagrams, TCPDIAG_GETSOCK, sequence):
        socket, transparent = _decode(payload)
        # One that was closed after it was found and before it was described has no port left.
        if socket.port:
            counter.add(socket, transparent=transparent)
    return counter.result()


def tally_bound(sockets: Iterable[BoundSocket], rules: BoundRules) -> BoundTally:
    """Count sockets given one by one."""
    counter = BoundCounter(rules)
    for socket in sockets:
        counter.add(socket)
    return counter.result()


def _decode(payload: memoryview) -> tuple[BoundSocket, bool]:
    """Return a socket, and whether it has IP_TRANSPARENT."""
    if len(payload) < MESSAGE.size:
        raise SourceError("inet_diag message", f"{len(payload)} bytes, an entry has {MESSAGE.size}")
    (family, state, _timer, _retransmits, sport, _dport, source, _destination, interface,
     _cookie, _expires, rqueue, wqueue, _uid, inode) = MESSAGE.unpack_from(payload)  # fmt: skip
    found = dict(entry_attributes(payload))
    socket = BoundSocket(
        address=normal_address(family, source),
        port=int.from_bytes(sport),
        listening=state == TCP_LISTEN,
        ipv6_only=found.get(INET_DIAG_SKV6ONLY, b"\0")[:1] == b"\1",
        queue_used=rqueue,
        queue_limit=wqueue,
        owner_id=socket_id(inode, found),
        scope=interface,
    )
    return socket, bool(found.get(INET_DIAG_SOCKOPT, b"\0")[:1].ljust(1, b"\0")[0] & TRANSPARENT)


class BoundCounter:
    """Adds up sockets."""

    def __init__(self, rules: BoundRules) -> None:
        self._usable = to_bitmap(rules.usable)
        self._listeners = {False: 0, True: 0}
        self._ports = {True: bytearray(BITMAP_BYTES), False: bytearray(BITMAP_BYTES)}
        self._dual_stack = bytearray(BITMAP_BYTES)
        self._addresses = _AddressPorts()
        self._queues = _Queues(rules)
        self._transparent = False
        self._kept = bytearray()
        self._room = {True: MAX_KEPT_IN_RANGE, False: MAX_KEPT_OUTSIDE}
        self._kept_overflow = 0

    def add(self, socket: BoundSocket, *, transparent: bool = False) -> None:
        """Count one socket."""
        _put(self._ports[socket.listening], socket.port)
        self._addresses.add(socket.address, socket.port)
        if socket.address == V6_ANY and not socket.ipv6_only:
            _put(self._dual_stack, socket.port)
        self._keep(socket)
        if socket.listening:
            self._listeners[is_v4(socket.address)] += 1
            self._transparent |= transparent
            if socket.queue_limit is not None:
                key = QueueKey(socket.address, socket.port, socket.scope)
                queue = (key, socket.queue_used, socket.queue_limit, socket.owner_id)
                self._queues.add(AcceptQueue(*queue))

    def _keep(self, socket: BoundSocket) -> None:
        inside = bool(contains(self._usable, socket.port))
        if self._room[inside]:
            self._room[inside] -= 1
            self._kept += packed_socket(socket)
        else:
            self._kept_overflow += 1

    def result(self) -> BoundTally:
        """Return what was counted."""
        return BoundTally(
            listeners=self._listeners,
            listening=from_bitmap(self._ports[True]),
            bound_only=from_bitmap(self._ports[False]),
            by_address=self._addresses.packed(),
            dual_stack=from_bitmap(self._dual_stack),
            anywhere=from_bitmap(self._addresses.anywhere),
            overflow=self._addresses.overflow,
            queues=self._queues.result(),
            transparent=self._transparent,
            kept=KeptSockets(bytes(self._kept)),
            kept_overflow=self._kept_overflow,
        )


def _put(bitmap: bytearray, port: int) -> None:
    bitmap[port >> 3] |= 1 << (port & 7)


class _AddressPorts:
    """The ports of each address, as far as there is room."""

    def __init__(self) -> None:
        self._ports: dict[bytes, set[int]] = {}
        self._pairs = 0
        self.anywhere = bytearray(BITMAP_BYTES)
        self.overflow = 0

    def add(self, address: bytes, port: int) -> None:
        if not self._has_room(address, port):
            _put(self.anywhere, port)
            self.overflow += 1

    def _has_room(self, address: bytes, port: int) -> bool:
        ports = self._ports.get(address)
        if ports is None:
            if len(self._ports) >= MAX_BOUND_ADDRESSES:
                return False
            ports = self._ports[address] = set()
        if port in ports:
            return True
        if self._pairs >= MAX_ADDRESS_PORTS:
            return False
        ports.add(port)
        self._pairs += 1
        return True

    def packed(self) -> dict[bytes, bytes]:
        return {
            address: shorts_of(sorted(ports)) for address, ports in self._ports.items() if ports
        }


class _Queues:
    """The watched queues and the fullest others; orders: the order of their first sockets."""

    def __init__(self, rules: BoundRules) -> None:
        self._watched = frozenset(list(rules.watched)[:MAX_QUEUES])
        self._queues: dict[QueueKey, AcceptQueue] = {}
        self._orders: dict[QueueKey, int] = {}
        self._others: set[QueueKey] = set()
        self._least: QueueKey | None = None  # the emptiest of the others, once looked for
        self._next = 0

    def add(self, queue: AcceptQueue) -> None:
        """Add a queue if it is watched, the fullest of its key, or fuller than another."""
        known = self._queues.get(queue.key)
        if known is not None:
            if (queue.ratio, queue.limit) > (known.ratio, known.limit):
                self._queues[queue.key] = queue
                self._least = None
            return
        if queue.key not in self._watched:
            if not self._makes_room(queue):
                return
            self._others.add(queue.key)
            self._least = None
        self._queues[queue.key] = queue
        self._orders[queue.key] = self._next
        self._next += 1

    def _makes_room(self, queue: AcceptQueue) -> bool:
        if len(self._others) < MAX_QUEUES:
            return True
        least = self._least = self._least or min(self._others, key=self._rank)
        if queue.ratio <= self._queues[least].ratio:
            return False
        self._others.remove(least)
        del self._queues[least], self._orders[least]
        return True

    def _rank(self, key: QueueKey) -> tuple[float, int]:
        return self._queues[key].ratio, -self._orders[key]  # of equals the last goes

    def result(self) -> tuple[AcceptQueue, ...]:
        return tuple(sorted(self._queues.values(), key=lambda queue: self._orders[queue.key]))
