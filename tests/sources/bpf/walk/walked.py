"""Walks written by hand, and short ways to count them."""

import struct
from collections.abc import Callable, Iterable, Sequence

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.tally import SocketTally, TallyRules
from tcp_pressure_exporter.sources.bpf.walk import compiled, readable
from tcp_pressure_exporter.sources.bpf.walk.found import Found
from tests.support.messages.datagrams import CLOSE_WAIT, TIME_WAIT, Entry
from tests.support.messages.socket_entries import sixteen_bytes

HZ = 1000  # a tick is a millisecond
CGROUP = 4711


def connection(entry: Entry, detail: int = 0) -> bytes:
    """Return struct connection of programs/connections.bpf.c; the cookie serves as identity."""
    ends = struct.pack("=16s16s", sixteen_bytes(entry.local), sixteen_bytes(entry.remote))
    left = entry.expires if entry.state == TIME_WAIT else 0
    return b"".join(
        [
            ends,
            struct.pack("=IIII", entry.interface, left, entry.cookie & 0xFFFFFFFF, 0),
            struct.pack("!HH", entry.local_port, entry.remote_port),
            struct.pack("=BBH", entry.state, 0, detail),
        ]
    )


def close_wait(entry: Entry) -> bytes:
    """Return struct close_wait; `expires` is how long the peer has been silent."""
    return b"".join(
        [
            struct.pack("=QQ", CGROUP, entry.cookie),
            struct.pack("=IIII", entry.inode, entry.rqueue, entry.wqueue, entry.expires),
            struct.pack("=BB6x", entry.timer, entry.retransmits),
        ]
    )


def found(entries: Iterable[Entry], block: int = 0, now_ms: int = 0) -> Found:
    """Return what a walk of some chains finds."""
    connections, details = b"", b""
    for entry in entries:
        place = 0
        if entry.state == CLOSE_WAIT:
            details += close_wait(entry)
            place = len(details) // 40
        connections += connection(entry, place)
    return Found(block, now_ms, connections, details)


def tally_walk(
    walk: Sequence[Found], by: TallyRules, started_ms: int = 0, hz: int = HZ
) -> SocketTally:
    """Count with both decoders, whose results, or errors, must be equal."""
    one = _outcome(readable.tally_found, walk, by, started_ms, hz)
    other = _outcome(compiled.tally_found, walk, by, started_ms, hz)
    if isinstance(one, SourceError):
        assert str(other) == str(one)
        raise one
    assert other == one
    return one


def _outcome(
    count: Callable[[Sequence[Found], int, TallyRules, int], SocketTally],
    walk: Sequence[Found],
    by: TallyRules,
    started_ms: int,
    hz: int,
) -> SocketTally | SourceError:
    try:
        return count(walk, hz, by, started_ms)
    except SourceError as error:
        return error
