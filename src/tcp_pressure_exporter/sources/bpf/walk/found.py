"""What programs/connections.bpf.c reports: the bytes, and what they mean."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from tcp_pressure_exporter.facts.outcome import SourceError

OPERATION = "BPF walk"

# struct connection: local, remote; interface, ticks left, identity, namespace; ports in network
# order; state, position of its struct close_wait, from 1.
CONNECTION = struct.Struct("=16s16sIIII2s2sBxH")
# struct close_wait: cgroup, cookie; inode, queues, ticks of silence; timer, retransmits.
CLOSE_WAIT = struct.Struct("=QQIIIIBB6x")
# The start of struct block: chains in the table; connections, those in CLOSE_WAIT; whether the
# table belongs to one network namespace alone.
HEAD = struct.Struct("=IIII")
MOST_CONNECTIONS, MOST_CLOSE_WAIT = 8192, 2048
BLOCK_BYTES = HEAD.size + MOST_CONNECTIONS * CONNECTION.size + MOST_CLOSE_WAIT * CLOSE_WAIT.size
WALKED, NO_ROOM, STRAYED = range(3)  # enum walk_result
BLOCK_CHAINS = 1024
MOST_ATTEMPTS = 64  # for chains that change during the walk


class Found(NamedTuple):
    """The connections of some chains of a block, at one tick of the kernel's clock.

    block: its number. now_ms: by the clock of coarse_ms() (sources/netlink/socket.py).
    connections, close_waits: the records, one after another.
    """

    block: int
    now_ms: int
    connections: bytes
    close_waits: bytes = b""


class Connection(NamedTuple):
    """One record; `left` in ticks, `detail` 0 if there is none."""

    local: bytes
    remote: bytes
    interface: int
    left: int
    identity: int
    netns: int
    local_port: bytes
    remote_port: bytes
    state: int
    detail: int


class CloseWait(NamedTuple):
    """The details of a connection in CLOSE_WAIT; `silent` in ticks."""

    cgroup: int
    cookie: int
    inode: int
    receive_queue: int
    send_queue: int
    silent: int
    timer: int
    retransmits: int


def parse_connections(found: Found) -> Iterator[Connection]:
    """Yield the connections."""
    return (Connection(*fields) for fields in CONNECTION.iter_unpack(found.connections))


def parse_close_wait(found: Found, place: int) -> CloseWait:
    """Return the details at a position, counted from 1; raises SourceError."""
    told = len(found.close_waits) // CLOSE_WAIT.size
    if not 1 <= place <= told:
        raise SourceError(OPERATION, f"detail {place} of {told}")
    return CloseWait(*CLOSE_WAIT.unpack_from(found.close_waits, (place - 1) * CLOSE_WAIT.size))


def parse_block(packed: bytes, place: tuple[int, int]) -> Found:
    """Return the contents of a whole block; place: its number and its time. Raises SourceError."""
    _chains, connections, close_waits, _private = HEAD.unpack_from(packed)
    if connections > MOST_CONNECTIONS or close_waits > MOST_CLOSE_WAIT:
        reason = f"{connections} connections, {close_waits} in CLOSE_WAIT"
        raise SourceError(OPERATION, reason)
    details = HEAD.size + MOST_CONNECTIONS * CONNECTION.size
    return Found(
        *place,
        packed[HEAD.size : HEAD.size + connections * CONNECTION.size],
        packed[details : details + close_waits * CLOSE_WAIT.size],
    )
