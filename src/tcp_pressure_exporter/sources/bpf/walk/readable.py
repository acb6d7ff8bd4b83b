"""The readable decoder of a walk: records in, aggregates out. The oracle of the compiled one.

Here records become entries; counting/counter.py says what an entry counts for.
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
    """Count the connections of a walk that began at `started_ms`, in ticks of 1 ÷ hz seconds.

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
    """Makes entries of records; longest_left_ms: the most that one in TIME_WAIT had left of it.

    kept: what sock_diag would tell of the first MAX_KEPT sockets in some states.
    """

    def __init__(self, rules: TallyRules, hz: int, started_ms: int) -> None:
        self._rules = rules
        self._hz = hz
        self.identities = Identities(rules.since, started_ms)
        self.longest_left_ms = 0
        self.kept: list[bytes] = []
        self.overflow = 0

    def decode(self, connection: Connection, found: Found) -> Entry | None:
        """Return the entry of a record, or None where its socket is no more."""
        if connection.state not in STATE_NAMES:
            raise SourceError(OPERATION, f"state {connection.state} is unknown")
        if connection.local_port == NO_PORT:
            return None  # it was closed, and has given its port back: inet_put_port
        age_ms, entered, cause = LIVE, False, ""
        if connection.state == TCP_TIME_WAIT:
            age_ms, entered = self._date(connection, found)
        elif connection.state == TCP_CLOSE_WAIT:
            cause = self._explain(connection, parse_close_wait(found, connection.detail))
        ends = (connection.local, connection.local_port, connection.remote, connection.remote_port)
        state, interface = connection.state, connection.interface
        return Entry(*ends, state, interface, age_ms, entered, cause, found.now_ms)

    def _date(self, connection: Connection, found: Found) -> tuple[int, bool]:
        """Return the age of an entry, and whether the walk before did not see it."""
        left_ms = self._milliseconds(connection.left)
        self.longest_left_ms = max(self.longest_left_ms, left_ms)
        age_ms = self._rules.reuse.lengths.age_ms(left_ms)
        born_ms, over = found.now_ms - age_ms, left_ms == 0
        return age_ms, self.identities.add(found.block, connection.identity, born_ms, over=over)

    def _explain(self, connection: Connection, detail: CloseWait) -> str:
        """Return why a socket is in CLOSE_WAIT, and keep what is known of it."""
        if self._rules.kept_states >> connection.state & 1:
            if len(self.kept) < MAX_KEPT:
                silent_ms = self._milliseconds(detail.silent)
                self.kept.append(as_told_by_netlink(connection, detail, silent_ms))
            else:
                self.overflow += 1
        queues = (detail.receive_queue, detail.send_queue)
        return close_wait_cause(detail.timer, detail.retransmits, *queues)

    def _milliseconds(self, ticks: int) -> int:
        """Return what jiffies_to_msecs() does (kernel/time/time.c)."""
        return min(-(-1000 * ticks // self._hz), 0xFFFFFFFF)


def as_told_by_netlink(connection: Connection, detail: CloseWait, silent_ms: int) -> bytes:
    """Return the message that sock_diag would send; the time is that of the last word heard."""
    message = MESSAGE.pack(
        *(AF_INET6, connection.state, detail.timer, detail.retransmits),
        *(connection.local_port, connection.remote_port, connection.local, connection.remote),
        connection.interface,
        detail.cookie.to_bytes(8, sys.byteorder),
        *(silent_ms, detail.receive_queue, detail.send_queue, 0, detail.inode),
    )
    return message + CGROUP.pack(CGROUP.size, INET_DIAG_CGROUP_ID, detail.cgroup)
