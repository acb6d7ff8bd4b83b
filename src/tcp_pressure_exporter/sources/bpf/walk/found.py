"""What programs/connections.bpf.c tells, as bytes and as what they mean."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from tcp_pressure_exporter.facts.outcome import SourceError

OPERATION = "BPF walk"

# struct connection: local, remote; interface, ticks left, identity, namespace; ports in network
# order; state, place of its struct close_wait from 1 on.
CONNECTION = struct.Struct("=16s16sIIII2s2sBxH")
# struct close_wait: cgroup, cookie; inode, queues, ticks of silence; timer, retransmits.
CLOSE_WAIT = struct.Struct("=QQIIIIBB6x")
# What struct block begins with: chains of the table; connections, of these in CLOSE_WAIT; whether
# the table is of one network namespace alone.
HEAD = struct.Struct("=IIII")
MOST_CONNECTIONS, MOST_CLOSE_WAIT = 8192, 2048
BLOCK_BYTES = HEAD.size + MOST_CONNECTIONS * CONNECTION.size + MOST_CLOSE_WAIT * CLOSE_WAIT.size
WALKED, NO_ROOM, STRAYED = range(3)  # enum walk_result
BLOCK_CHAINS = 512
MOST_ATTEMPTS = 64  # at chains that change under the walk


class Found(NamedTuple):
    """The connections of some chains of a block, as of a tick of the kernel's clock.

    block: its number. now_ms: on the clock of coarse_ms() (sources/netlink/socket.py).
    connections, close_waits: the records, one after the other.
    """

    block: int
    now_ms: int
    connections: bytes
    close_waits: bytes = b""


class Connection(NamedTuple):
    """One record; `left` in ticks, `detail` 0 where there is none."""

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
    """What is told besides of a connection in CLOSE_WAIT; `silent` in ticks."""

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
    """Return what is told besides at a place, from 1 on; raises SourceError."""
    told = len(found.close_waits) // CLOSE_WAIT.size
    if not 1 <= place <= told:
        raise SourceError(OPERATION, f"detail {place} of {told}")
    return CloseWait(*CLOSE_WAIT.unpack_from(found.close_waits, (place - 1) * CLOSE_WAIT.size))


def parse_block(packed: bytes, place: tuple[int, int]) -> Found:
    """Return what is in a whole block; place: its number, and when. Raises SourceError."""
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
