"""The messages of sock_diag for TCP: how a dump is asked for and what a socket's entry holds.

Source: include/uapi/linux/inet_diag.h (struct inet_diag_req, struct inet_diag_msg) and
include/net/tcp_states.h.
"""

import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple

from tcp_pressure_exporter.kernel.errors import SourceError
from tcp_pressure_exporter.kernel.netlink import encode_dump_request

# The legacy request: it alone returns IPv4 and IPv6 from one walk of the hash table.
TCPDIAG_GETSOCK = 18

TCP_SYN_RECV = 3
TCP_TIME_WAIT = 6
TCP_CLOSE = 7
TCP_CLOSE_WAIT = 8
TCP_LISTEN = 10
TCP_BOUND_INACTIVE = 13  # bound, neither listening nor connected: Linux 6.8 and later

# The names node_exporter uses, in the kernel's numbering (include/net/tcp_states.h).
STATE_NAMES = {
    1: "established",
    2: "syn_sent",
    TCP_SYN_RECV: "syn_recv",
    4: "fin_wait1",
    5: "fin_wait2",
    TCP_TIME_WAIT: "time_wait",
    TCP_CLOSE: "close",
    TCP_CLOSE_WAIT: "close_wait",
    9: "last_ack",
    TCP_LISTEN: "listen",
    11: "closing",
}

LISTENING = 1 << TCP_LISTEN
BOUND_ONLY = 1 << TCP_BOUND_INACTIVE
# Every state of the established-hash table; NEW_SYN_RECV comes with SYN_RECV.
NOT_LISTENING = sum(1 << state for state in STATE_NAMES if state != TCP_LISTEN)
LIVE = NOT_LISTENING & ~(1 << TCP_TIME_WAIT)
CLOSE_WAIT = 1 << TCP_CLOSE_WAIT

# TIME_WAIT lasts TCP_TIMEWAIT_LEN (include/net/tcp.h); `expires` counts down from it.
TIME_WAIT_MS = 60_000

# struct inet_diag_req: family, two lengths, extensions, id, states, database
REQUEST = struct.Struct("=BBBB48sII")
# struct inet_diag_msg: family, state, timer, retransmits; sport, dport, src, dst, interface,
# cookie; expires (ms), rqueue, wqueue, uid, inode. Ports and addresses are in network order.
MESSAGE = struct.Struct("=BBBB2s2s16s16sI8sIIIII")
ATTRIBUTE = struct.Struct("=HH")  # struct rtattr: length, type
INET_DIAG_INFO = 2  # struct tcp_info (include/uapi/linux/tcp.h), on request
INET_DIAG_SKV6ONLY = 11
INET_DIAG_CGROUP_ID = 21  # Linux 5.7 and later
CGROUP_ID_BYTES = 8


class SocketId(NamedTuple):
    """What leads to the owner of a live socket.

    inode: of its file descriptors, 0 where no process has one. cgroup_id: the inode number of the
    cgroup2 directory of the process that made it, None where the kernel does not tell.
    """

    inode: int
    cgroup_id: int | None


UNKNOWN_SOCKET = SocketId(0, None)


def encode_request(
    states: int, sequence: int, extensions: int = 0, attribute: bytes = b""
) -> bytes:
    """Return the request for all TCP sockets of both families in a set of states (bit mask).

    extensions: bit mask of the attributes that the kernel sends on request only.
    attribute: one of the request's own, such as a filter (kernel/socket_filter.py).
    """
    body = REQUEST.pack(0, 0, 0, extensions, b"", states, 0)
    return encode_dump_request(TCPDIAG_GETSOCK, body + attribute, sequence)


def attributes(entry: memoryview) -> Iterator[tuple[int, bytes]]:
    """Yield (type, value) of the attributes of a whole entry; raises SourceError."""
    rest = entry[MESSAGE.size :]
    while len(rest) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(rest)
        if not ATTRIBUTE.size <= length <= len(rest):
            raise SourceError("inet_diag attribute", f"length {length}, {len(rest)} bytes left")
        yield kind, bytes(rest[ATTRIBUTE.size : length])
        rest = rest[(length + 3) & ~3 :]


def socket_id(inode: int, found: dict[int, bytes]) -> SocketId:
    """Return what an entry and its attributes tell about whose socket it is."""
    value = found.get(INET_DIAG_CGROUP_ID, b"")
    known = len(value) == CGROUP_ID_BYTES
    return SocketId(inode, int.from_bytes(value, sys.byteorder) if known else None)
