"""The messages of sock_diag for TCP: how to ask for a dump and what a socket's entry holds.

A filter makes the kernel leave out most sockets of a dump. Its strategy: one condition for each
remote end. A condition that holds leads to a jump to the end of the program, which accepts; one
that does not leads to the next condition, or after the last one to beyond the end, which rejects.

Source: include/uapi/linux/inet_diag.h (struct inet_diag_req, inet_diag_msg, inet_diag_bc_op,
inet_diag_hostcond) and net/ipv4/inet_diag.c (inet_diag_bc_run, inet_diag_bc_audit).
"""

import struct
import sys
from collections.abc import Iterator, Sequence
from socket import AF_INET, AF_INET6

from tcp_pressure_exporter.facts.addresses import V4_MAPPED, is_v4
from tcp_pressure_exporter.facts.sockets import (
    STATE_NAMES,
    TCP_BOUND_INACTIVE,
    TCP_CLOSE_WAIT,
    TCP_LISTEN,
    TCP_TIME_WAIT,
    RemoteEnd,
    SocketId,
)
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.sources.netlink.messages import (
    ATTRIBUTE,
    attributes,
    encode_dump_request,
    encode_single_request,
)

# The legacy request: only this returns IPv4 and IPv6 from one walk of the hash table.
TCPDIAG_GETSOCK = 18

LISTENING = 1 << TCP_LISTEN
BOUND_ONLY = 1 << TCP_BOUND_INACTIVE
# Every state of the established-hash table; NEW_SYN_RECV comes with SYN_RECV.
NOT_LISTENING = sum(1 << state for state in STATE_NAMES if state != TCP_LISTEN)
ANY_STATE = NOT_LISTENING | LISTENING | BOUND_ONLY
LIVE = NOT_LISTENING & ~(1 << TCP_TIME_WAIT)
CLOSE_WAIT = 1 << TCP_CLOSE_WAIT

# struct inet_diag_req: family, two lengths, extensions, id, states, database
REQUEST = struct.Struct("=BBBB48sII")
# struct inet_diag_msg: family, state, timer, retransmits; sport, dport, src, dst, interface,
# cookie; expires (ms), rqueue, wqueue, uid, inode. Ports and addresses are in network order.
MESSAGE = struct.Struct("=BBBB2s2s16s16sI8sIIIII")
INET_DIAG_INFO = 2  # struct tcp_info (include/uapi/linux/tcp.h), on request
INET_DIAG_SKV6ONLY = 11
INET_DIAG_CGROUP_ID = 21  # Linux 5.7 and later
CGROUP_ID_BYTES = 8
INET_DIAG_SOCKOPT = 22  # struct inet_diag_sockopt; Linux 5.10 and later
# Its bit field `transparent`, the sixth of its first byte: bit fields begin at the first byte in
# memory, at its lowest bit on a little-endian machine.
TRANSPARENT = 1 << 5 if sys.byteorder == "little" else 1 << 2


def encode_request(
    states: int,
    sequence: int,
    extensions: int = 0,
    attribute: bytes = b"",
    local_port: int = 0,
) -> bytes:
    """Return the request for all TCP sockets of both families in a set of states (bit mask).

    extensions: bit mask of the attributes that the kernel sends only on request.
    attribute: an attribute of the request, such as a filter (filter_attribute).
    local_port: the only one wanted, 0 for any (net/ipv4/inet_diag.c, inet_diag_dump_icsk).
    """
    wanted = local_port.to_bytes(2)  # struct inet_diag_sockid begins with the source port
    body = REQUEST.pack(0, 0, 0, extensions, wanted, states, 0)
    return encode_dump_request(TCPDIAG_GETSOCK, body + attribute, sequence)


# struct inet_diag_sockid: sport, dport, src, dst, interface, cookie
SOCKET_ID = struct.Struct("=2s2s16s16sI8s")
NO_COOKIE = b"\xff" * 8  # INET_DIAG_NOCOOKIE, twice: any socket will do


def encode_connection_request(key: PoolKey, local_port: int, sequence: int) -> bytes:
    """Return the request for the one connection of a pool (facts/tally.py) at a local port.

    The kernel looks it up by its hash, TIME_WAIT included (net/ipv4/inet_diag.c,
    inet_diag_find_one_icsk); if there is none, it returns a listener at that port instead.
    """
    v4 = is_v4(key.local_address)
    ends = [
        address[len(V4_MAPPED) :] if v4 else address  # the struct pads it with zeros
        for address in (key.local_address, key.remote_address)
    ]
    connection = SOCKET_ID.pack(local_port.to_bytes(2), key.port, *ends, key.scope, NO_COOKIE)
    family = AF_INET if v4 else AF_INET6
    body = REQUEST.pack(family, 0, 0, 0, connection, 0, 0)
    return encode_single_request(TCPDIAG_GETSOCK, body, sequence)


def entry_attributes(entry: memoryview) -> Iterator[tuple[int, bytes]]:
    """Yield (type, value) of the attributes of a whole entry; raises SourceError."""
    for kind, value in attributes(entry[MESSAGE.size :], "inet_diag attribute"):
        yield kind, bytes(value)


def socket_id(inode: int, found: dict[int, bytes]) -> SocketId:
    """Return what an entry and its attributes tell about a socket's owner."""
    value = found.get(INET_DIAG_CGROUP_ID, b"")
    known = len(value) == CGROUP_ID_BYTES
    return SocketId(inode, int.from_bytes(value, sys.byteorder) if known else None)


INET_DIAG_REQ_BYTECODE = 1
BC_JMP = 1
BC_D_COND = 8  # about the remote end
OPERATION = struct.Struct("=BBH")  # code; how far to move on if it holds, and if it does not
HOST_CONDITION = struct.Struct("=BBxxi")  # family, prefix length, port; the address follows
AF_ANY = 0
MAX_REMOTES = 64


def filter_attribute(remotes: Sequence[RemoteEnd]) -> bytes:
    """Return the request attribute that keeps only sockets connected to one of 1 to 64 ends."""
    if not 1 <= len(remotes) <= MAX_REMOTES:
        raise ValueError(f"{len(remotes)} remote ends")
    program = b""
    for remote in reversed(remotes):
        program = _condition(remote, len(program)) + program
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(program), INET_DIAG_REQ_BYTECODE) + program


def _condition(remote: RemoteEnd, rest: int) -> bytes:
    """Return a condition and its jump over the `rest` bytes of the program that follow."""
    host = _host(remote)
    length = OPERATION.size + len(host)
    beyond = 0 if rest else OPERATION.size  # after the last condition comes the end, not rejection
    test = OPERATION.pack(BC_D_COND, length, length + OPERATION.size + beyond)
    jump = OPERATION.pack(BC_JMP, OPERATION.size, OPERATION.size + rest)
    return test + host + jump


def _host(remote: RemoteEnd) -> bytes:
    if remote.address is None:
        family, address = AF_ANY, b""
    elif is_v4(remote.address):
        # For the kernel this also holds for a v4-mapped IPv6 socket.
        family, address = AF_INET, remote.address[len(V4_MAPPED) :]
    else:
        family, address = AF_INET6, remote.address
    port = int.from_bytes(remote.port)
    return HOST_CONDITION.pack(family, 8 * len(address), port) + address
