"""The messages of sock_diag for TCP: how a dump is asked for and what a socket's entry holds.

Source: include/uapi/linux/inet_diag.h (struct inet_diag_req, struct inet_diag_msg) and
include/net/tcp_states.h.
"""

import struct
import sys
from collections.abc import Iterator

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import (
    STATE_NAMES,
    TCP_BOUND_INACTIVE,
    TCP_CLOSE_WAIT,
    TCP_LISTEN,
    TCP_TIME_WAIT,
    SocketId,
)
from tcp_pressure_exporter.kernel.netlink import encode_dump_request

# The legacy request: it alone returns IPv4 and IPv6 from one walk of the hash table.
TCPDIAG_GETSOCK = 18

LISTENING = 1 << TCP_LISTEN
BOUND_ONLY = 1 << TCP_BOUND_INACTIVE
# Every state of the established-hash table; NEW_SYN_RECV comes with SYN_RECV.
NOT_LISTENING = sum(1 << state for state in STATE_NAMES if state != TCP_LISTEN)
LIVE = NOT_LISTENING & ~(1 << TCP_TIME_WAIT)
CLOSE_WAIT = 1 << TCP_CLOSE_WAIT

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
