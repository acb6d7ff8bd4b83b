"""The readable parser of a dump: datagrams in, aggregates out. The oracle of the compiled one.

It turns the bytes of a dump into entries; counter.py decides what an entry counts for.
"""

from collections.abc import Iterable, Iterator

from tcp_pressure_exporter.facts.addresses import normal_address
from tcp_pressure_exporter.facts.close_wait import close_wait_cause
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import STATE_NAMES, TCP_CLOSE_WAIT, TCP_TIME_WAIT
from tcp_pressure_exporter.facts.tally import MAX_KEPT, SocketTally, TallyRules
from tcp_pressure_exporter.sources.counting.counter import Entry, SocketCounter
from tcp_pressure_exporter.sources.counting.pools import LIVE
from tcp_pressure_exporter.sources.counting.recent import Recent
from tcp_pressure_exporter.sources.netlink.inet_diag import MESSAGE, TCPDIAG_GETSOCK
from tcp_pressure_exporter.sources.netlink.messages import dump_payloads
from tcp_pressure_exporter.sources.netlink.socket import Datagram

NO_PORT = bytes(2)


def tally_datagrams(
    datagrams: Iterable[Datagram], sequence: int, rules: TallyRules, started_ms: int
) -> SocketTally:
    """Count the sockets of a dump; `started_ms` as in Dump (sources/netlink/socket.py).

    Raises SourceError as `dump_payloads` does, and on an entry that is truncated or unknown.
    """
    waiting, kept = _Waiting(rules, started_ms), _Kept(rules.kept_states)
    counter = SocketCounter(rules)
    for payload in dump_payloads(_contents(datagrams, waiting.recent), TCPDIAG_GETSOCK, sequence):
        entry = _decode(payload, waiting)
        if entry:
            kept.add(entry.state, payload)
            counter.add(entry)
    return counter.result(
        waiting.recent.edge(), tuple(kept.entries), kept.overflow, waiting.longest_left_ms
    )


def _contents(datagrams: Iterable[Datagram], recent: Recent) -> Iterator[bytes]:
    """Yield the contents of the datagrams; entries are as of when their datagram was filled."""
    for datagram in datagrams:
        recent.now_ms = datagram.filled_ms
        yield datagram.content


def _decode(payload: memoryview, waiting: "_Waiting") -> Entry | None:
    """Return the socket that a payload describes, or None if it no longer exists."""
    if len(payload) < MESSAGE.size:
        raise SourceError("inet_diag message", f"{len(payload)} bytes, not {MESSAGE.size}")
    (family, state, timer, retransmits, local_port, remote_port, source, destination,
     interface, cookie, expires, rqueue, wqueue, *_) = MESSAGE.unpack_from(payload)  # fmt: skip
    if state not in STATE_NAMES:
        raise SourceError("inet_diag message", f"state {state} is unknown")
    if local_port == NO_PORT:
        # The dump finds a socket under the bucket's lock and describes it later: this one was
        # closed in between and has released its port (inet_put_port).
        return None
    age_ms, entered, cause, now_ms = LIVE, False, "", waiting.recent.now_ms
    if state == TCP_TIME_WAIT:
        age_ms, entered = waiting.add(cookie, expires)
    elif state == TCP_CLOSE_WAIT:
        cause = close_wait_cause(timer, retransmits, rqueue, wqueue)
    local, remote = normal_address(family, source), normal_address(family, destination)
    ends = (local, local_port, remote, remote_port)
    return Entry(*ends, state, interface, age_ms, entered, cause, now_ms)


class _Waiting:
    """Dates the entries in TIME_WAIT; longest_left_ms: the longest time that one had left."""

    def __init__(self, rules: TallyRules, started_ms: int) -> None:
        self.recent = Recent(rules.since, started_ms)
        self._lengths = rules.reuse.lengths
        self.longest_left_ms = 0

    def add(self, cookie: bytes, left_ms: int) -> tuple[int, bool]:
        """Return the age of an entry, and whether it was missing from the previous dump."""
        self.longest_left_ms = max(self.longest_left_ms, left_ms)
        age_ms = self._lengths.age_ms(left_ms)
        return age_ms, self.recent.add(cookie, age_ms, over=left_ms == 0)


class _Kept:
    """The first entries in some states, a bit mask, as the kernel sent them."""

    def __init__(self, states: int) -> None:
        self._states = states
        self.entries: list[bytes] = []
        self.overflow = 0

    def add(self, state: int, payload: memoryview) -> None:
        if not self._states >> state & 1:
            return
        if len(self.entries) < MAX_KEPT:
            self.entries.append(bytes(payload))
        else:
            self.overflow += 1
