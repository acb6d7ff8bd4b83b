"""The readable decoder of a walk: records in, aggregates out. The oracle of the compiled one.

This module turns records into entries; counting/counter.py says what an entry counts for.
"""

import struct
import sys
from collections.abc import Iterable
from socket import AF_INET6

from tcp_pressure_exporter.facts.close_wait import close_wait_cause
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import STATE_NAMES, TCP_CLOSE_WAIT, TCP_TIME_WAIT
from tcp_pressure_exporter.facts.tally import MAX_KEPT, SocketTally, TallyRules
from tcp_pressure_exporter.sources.bpf.walk.found import (
    OPERATION,
    CloseWait,
    Connection,
    Found,
    parse_close_wait,
    parse_connections,
)
from tcp_pressure_exporter.sources.bpf.walk.identities import Identities
from tcp_pressure_exporter.sources.bpf.walk.table import ConnectionTable
from tcp_pressure_exporter.sources.counting.counter import Entry, SocketCounter
from tcp_pressure_exporter.sources.counting.pools import LIVE
from tcp_pressure_exporter.sources.netlink.inet_diag import INET_DIAG_CGROUP_ID, MESSAGE

NO_PORT = bytes(2)
CGROUP = struct.Struct("=HHQ")  # struct rtattr and its value


def tally_found(
    all_found: Iterable[Found], hz: int, rules: TallyRules, started_ms: int
) -> SocketTally:
    """Count the connections of a walk that began at `started_ms`; hz: ticks a second.

    Raises SourceError on a record that makes no sense.
    """
    decoder, counter = _Decoder(rules, hz, started_ms), SocketCounter(rules)
    ended_ms = started_ms
    for found in all_found:
        ended_ms = found.now_ms
        decoder.identities.begin(found.block)
        for connection in parse_connections(found):
            entry = decoder.decode(connection, found)
            if entry:
                counter.add(entry)
    edge = decoder.identities.edge(ended_ms)
    return counter.result(edge, tuple(decoder.kept), decoder.overflow, decoder.longest_left_ms)


def tally_table(table: ConnectionTable, rules: TallyRules) -> SocketTally:
    """Walk the table of the calling thread's network namespace and count it; raises SourceError."""
    return tally_found(table.walk(), table.hz, rules, table.ticks_ms())


class _Decoder:
    """Turns records into entries.

    longest_left_ms: the longest remaining time of an entry in TIME_WAIT. kept: what sock_diag would
    send about the first MAX_KEPT sockets in some states. overflow: how many more there were.
    """

    def __init__(self, rules: TallyRules, hz: int, started_ms: int) -> None:
        self._rules = rules
        self._hz = hz
        self.identities = Identities(rules.since, started_ms)
        self.longest_left_ms = 0
        self.kept: list[bytes] = []
        self.overflow = 0

    def decode(self, connection: Connection, found: Found) -> Entry | None:
        """Return the entry of a record, or None if its socket has gone."""
        if connection.state not in STATE_NAMES:
            raise SourceError(OPERATION, f"state {connection.state} is unknown")
        if connection.local_port == NO_PORT:
            return None  # closed, and its port released: inet_put_port
        age_ms, entered, cause = LIVE, False, ""
        if connection.state == TCP_TIME_WAIT:
            age_ms, entered = self._date(connection, found)
        elif connection.state == TCP_CLOSE_WAIT:
            cause = self._explain(connection, parse_close_wait(found, connection.detail))
        ends = (connection.local, connection.local_port, connection.remote, connection.remote_port)
        state, interface = connection.state, connection.interface
        return Entry(*ends, state, interface, age_ms, entered, cause, found.now_ms)

    def _date(self, connection: Connection, found: Found) -> tuple[int, bool]:
        """Return the age of an entry, and whether it is new."""
        left_ms = self._milliseconds(connection.left)
        self.longest_left_ms = max(self.longest_left_ms, left_ms)
        age_ms = self._rules.reuse.lengths.age_ms(left_ms)
        born_ms, over = found.now_ms - age_ms, left_ms == 0
        return age_ms, self.identities.add(found.block, connection.identity, born_ms, over=over)

    def _explain(self, connection: Connection, detail: CloseWait) -> str:
        """Return why a socket is in CLOSE_WAIT, and keep what is known about it."""
        if self._rules.kept_states >> connection.state & 1:
            if len(self.kept) < MAX_KEPT:
                silent_ms = self._milliseconds(detail.silent)
                self.kept.append(as_told_by_netlink(connection, detail, silent_ms))
            else:
                self.overflow += 1
        queues = (detail.receive_queue, detail.send_queue)
        return close_wait_cause(detail.timer, detail.retransmits, *queues)

    def _milliseconds(self, ticks: int) -> int:
        """Return the same as jiffies_to_msecs() (kernel/time/time.c)."""
        return min(-(-1000 * ticks // self._hz), 0xFFFFFFFF)


def as_told_by_netlink(connection: Connection, detail: CloseWait, silent_ms: int) -> bytes:
    """Return the message that sock_diag would send, with the peer's silence in idiag_expires."""
    message = MESSAGE.pack(
        *(AF_INET6, connection.state, detail.timer, detail.retransmits),
        *(connection.local_port, connection.remote_port, connection.local, connection.remote),
        connection.interface,
        detail.cookie.to_bytes(8, sys.byteorder),
        *(silent_ms, detail.receive_queue, detail.send_queue, 0, detail.inode),
    )
    return message + CGROUP.pack(CGROUP.size, INET_DIAG_CGROUP_ID, detail.cgroup)
