"""The readable parser of a dump: datagrams in, aggregates out. The oracle of the compiled one.

Strategy: each entry is looked at once. Its local port decides what it is: a port that this host
serves makes it part of an inbound pool, any other one part of an outbound pool; the kernel's
rules (`TallyRules`) decide which ports and which TIME_WAIT entries count.
"""

import sys
from array import array
from collections.abc import Iterable, Iterator

from tcp_pressure_exporter.facts import ports
from tcp_pressure_exporter.facts.addresses import is_loopback, is_v4, normal_address
from tcp_pressure_exporter.facts.close_wait import CAUSES, CloseWaitCounts, close_wait_cause
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import contains
from tcp_pressure_exporter.facts.sockets import STATE_NAMES, TCP_CLOSE_WAIT, TCP_TIME_WAIT
from tcp_pressure_exporter.facts.tally import (
    AGE_ERROR_MS,
    MAX_KEPT,
    MAX_LOCAL_ADDRESSES,
    MAX_RECENT,
    AddressPorts,
    Edge,
    PoolKey,
    SocketTally,
    TallyRules,
)
from tcp_pressure_exporter.facts.time_wait import TIME_WAIT_MS
from tcp_pressure_exporter.sources.counting.pools import LIVE, Pools
from tcp_pressure_exporter.sources.netlink.inet_diag import MESSAGE, TCPDIAG_GETSOCK
from tcp_pressure_exporter.sources.netlink.messages import dump_payloads
from tcp_pressure_exporter.sources.netlink.socket import Datagram


class Recent:
    """Tells which TIME_WAIT entries are new, and notes those that the next dump may doubt.

    now_ms: when the entries that are added now were filled in.
    """

    def __init__(self, since: Edge | None, started_ms: int) -> None:
        self._since = since
        self._known = set(array("Q", since.cookies)) if since else set()
        self._started_ms = self.now_ms = started_ms
        self._cookies: list[int] = []

    def add(self, cookie: bytes, age_ms: int) -> bool:
        """Note one entry; tell whether the dump before did not see it in TIME_WAIT."""
        if age_ms >= TIME_WAIT_MS:  # at least that old: it ends in a batch with others
            return False
        born_ms = self.now_ms - age_ms
        number = int.from_bytes(cookie, sys.byteorder)
        if born_ms >= self._started_ms - 2 * AGE_ERROR_MS and len(self._cookies) < MAX_RECENT:
            self._cookies.append(number)
        if self._since is None or born_ms < self._since.started_ms - AGE_ERROR_MS:
            return False
        return born_ms > self._since.ended_ms + AGE_ERROR_MS or number not in self._known

    def edge(self) -> Edge:
        """Return the edge of this dump."""
        cookies = array("Q", sorted(self._cookies)).tobytes()
        return Edge(self._started_ms, self.now_ms, cookies)


LOOPBACK_INDEX = 1  # include/net/net_namespace.h: LOOPBACK_IFINDEX


def tally_datagrams(
    datagrams: Iterable[Datagram], sequence: int, rules: TallyRules, started_ms: int
) -> SocketTally:
    """Count the sockets of a dump; `started_ms` is the dump's (diag_socket.py).

    Raises SourceError as `dump_payloads` does and on an entry that is cut short or unknown.
    """
    counter = _Counter(rules, started_ms)
    for payload in dump_payloads(counter.contents(datagrams), TCPDIAG_GETSOCK, sequence):
        counter.add(payload)
    return counter.result()


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

    def __init__(self, rules: TallyRules, started_ms: int) -> None:
        self._rules = rules
        self._recent = Recent(rules.since, started_ms)
        self._usable = ports.to_bitmap(rules.usable)
        self._blocked = ports.to_bitmap(rules.blocked)
        self._served = ports.to_bitmap(rules.served)
        self._states: dict[tuple[bool, int], int] = {}
        self._by_address: dict[bytes, _Bitmaps] = {}
        self._held = bytearray(ports.BITMAP_BYTES)
        self._address_overflow = 0
        self._outbound = Pools()
        self._inbound = Pools()
        self._close_wait = dict.fromkeys(CAUSES, 0)
        self._kept: list[bytes] = []
        self._kept_overflow = 0

    def contents(self, datagrams: Iterable[Datagram]) -> Iterator[bytes]:
        """Yield what the datagrams hold; the entries of each are as of when it was filled."""
        for datagram in datagrams:
            self._recent.now_ms = datagram.filled_ms
            yield datagram.content

    def add(self, payload: memoryview) -> None:
        """Count one entry."""
        if len(payload) < MESSAGE.size:
            raise SourceError("inet_diag message", f"{len(payload)} bytes, not {MESSAGE.size}")
        (family, state, timer, retransmits, local_port, remote_port, source, destination,
         interface, cookie, expires, rqueue, wqueue, *_) = MESSAGE.unpack_from(payload)  # fmt: skip
        if state not in STATE_NAMES:
            raise SourceError("inet_diag message", f"state {state} is unknown")
        port = int.from_bytes(local_port)
        if not port:
            # The dump finds a socket under the bucket's lock and describes it later: this one was
            # closed in between and has given its port back (inet_put_port). It is no more.
            return
        local = normal_address(family, source)
        remote = normal_address(family, destination)
        kind = (is_v4(local), state)
        self._states[kind] = self._states.get(kind, 0) + 1
        age_ms = max(TIME_WAIT_MS - expires, 0) if state == TCP_TIME_WAIT else LIVE
        self._held[port >> 3] |= 1 << (port & 7)
        entered = age_ms != LIVE and self._recent.add(cookie, age_ms)
        if state == TCP_CLOSE_WAIT:
            self._close_wait[close_wait_cause(timer, retransmits, rqueue, wqueue)] += 1
        if self._rules.kept_states >> state & 1:
            self._keep(payload)
        if contains(self._served, port):
            key = PoolKey(local, remote, local_port)
            self._inbound.add(key, age_ms, reclaimable=False, entered=entered)
        elif contains(self._usable, port):
            self._hold(local, port, live=age_ms == LIVE)
            if contains(self._blocked, port):
                return
            reclaimable = self._reclaimable(local, remote, interface, age_ms)
            key = PoolKey(local, remote, remote_port)
            self._outbound.add(key, age_ms, reclaimable=reclaimable, entered=entered)

    def _hold(self, local: bytes, port: int, *, live: bool) -> None:
        bitmaps = self._by_address.get(local)
        if bitmaps is None:
            if len(self._by_address) >= MAX_LOCAL_ADDRESSES:
                self._address_overflow += 1
                return
            bitmaps = self._by_address[local] = _Bitmaps()
        bit = 1 << (port & 7)
        bitmaps.held[port >> 3] |= bit
        if live:
            bitmaps.live[port >> 3] |= bit

    def _keep(self, payload: memoryview) -> None:
        if len(self._kept) < MAX_KEPT:
            self._kept.append(bytes(payload))
        else:
            self._kept_overflow += 1

    def _reclaimable(self, local: bytes, remote: bytes, interface: int, age_ms: int) -> bool:
        """Tell whether a connect() would take this TIME_WAIT entry over (tcp_twsk_unique)."""
        reuse = self._rules.reuse
        if age_ms <= reuse.delay_ms:
            return False
        return reuse.everywhere or (
            reuse.on_loopback
            and (interface == LOOPBACK_INDEX or is_loopback(local) or is_loopback(remote))
        )

    def result(self) -> SocketTally:
        """Return what was counted."""
        by_address = {address: bits.frozen() for address, bits in self._by_address.items()}
        rules = self._rules
        return SocketTally(
            edge=self._recent.edge(),
            states=self._states,
            held=ports.from_bitmap(self._held),
            by_address=by_address,
            address_overflow=self._address_overflow,
            outbound=self._outbound.result(rules.outbound_rows),
            inbound=self._inbound.result(rules.inbound_rows),
            close_wait=CloseWaitCounts(**self._close_wait),
            kept=tuple(self._kept),
            kept_overflow=self._kept_overflow,
        )
