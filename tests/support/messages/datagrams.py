"""Netlink datagrams of a socket dump, written field by field from the kernel's headers.

Source: include/uapi/linux/netlink.h (struct nlmsghdr), include/uapi/linux/inet_diag.h (struct
inet_diag_req, inet_diag_sockid, inet_diag_msg), include/net/tcp_states.h.
"""

import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

# include/net/tcp_states.h
ESTABLISHED = 1
SYN_SENT = 2
SYN_RECV = 3
FIN_WAIT1 = 4
FIN_WAIT2 = 5
TIME_WAIT = 6
CLOSE = 7
CLOSE_WAIT = 8
LAST_ACK = 9
LISTEN = 10
CLOSING = 11
BOUND_INACTIVE = 13  # only in requests: the answer says CLOSE

# include/uapi/linux/netlink.h
NOOP = 1
ERROR = 2
DONE = 3
OVERRUN = 4
MULTI = 0x2
DUMP_INTR = 0x10
DUMP_REQUEST = 0x1 | 0x100 | 0x200  # NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH

GETSOCK = 18  # TCPDIAG_GETSOCK
SEQUENCE = 7
KERNEL_PORT_ID = 4242  # a message carries its receiver's port id


@dataclass(frozen=True)
class Entry:
    """One socket: the fields of struct inet_diag_msg that differ from zero in some test.

    An address in the form ::ffff:192.0.2.1 makes a v4-mapped IPv6 socket.
    """

    state: int
    local: str
    local_port: int
    remote: str = "0.0.0.0"
    remote_port: int = 0
    expires: int = 0
    interface: int = 0
    cookie: int = 2**64 - 1
    attributes: bytes = b""
    timer: int = 0
    retransmits: int = 0
    rqueue: int = 0
    wqueue: int = 0
    inode: int = 0

    @property
    def family(self) -> int:
        """The address family of the socket, by its local address."""
        return socket.AF_INET if ip_address(self.local).version == 4 else socket.AF_INET6


def diag_message(entry: Entry) -> bytes:
    """Return struct inet_diag_msg and the attributes."""
    return b"".join(
        [
            struct.pack("=BBBB", entry.family, entry.state, entry.timer, entry.retransmits),
            struct.pack("!HH", entry.local_port, entry.remote_port),
            _address(entry.local),
            _address(entry.remote if entry.remote_port else entry.local),
            struct.pack("=IQ", entry.interface, entry.cookie),
            struct.pack(
                "=IIIII",
                entry.expires,
                entry.rqueue,
                entry.wqueue,
                0,
                entry.inode,  # 0: uid
            ),
            entry.attributes,
        ]
    )


def _address(text: str) -> bytes:
    return ip_address(text).packed.ljust(16, b"\0")


def attribute(kind: int, value: bytes) -> bytes:
    """Return struct rtattr with its value, padded to four bytes."""
    return _padded(struct.pack("=HH", 4 + len(value), kind) + value)


def message(
    kind: int, payload: bytes = b"", *, sequence: int = SEQUENCE, flags: int = MULTI
) -> bytes:
    """Return one netlink message, padded to four bytes."""
    header = struct.pack("=IHHII", 16 + len(payload), kind, flags, sequence, KERNEL_PORT_ID)
    return _padded(header + payload)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def done(sequence: int = SEQUENCE, code: int = 0) -> bytes:
    """Return the message that ends a dump."""
    return message(DONE, struct.pack("=i", code), sequence=sequence)


def error(number: int, sequence: int = SEQUENCE) -> bytes:
    """Return NLMSG_ERROR with an errno; the request's header follows the code."""
    payload = struct.pack("=i", -number) + struct.pack("=IHHII", 76, GETSOCK, 0x301, sequence, 0)
    return message(ERROR, payload, sequence=sequence, flags=0)


def entry_messages(entries: Iterable[Entry], sequence: int = SEQUENCE) -> list[bytes]:
    """Return the messages of a dump before its end."""
    return [message(GETSOCK, diag_message(entry), sequence=sequence) for entry in entries]


def packed(messages: Sequence[bytes], per_datagram: int = 3) -> list[bytes]:
    """Pack messages into datagrams of a few each."""
    starts = range(0, len(messages), per_datagram)
    return [b"".join(messages[start : start + per_datagram]) for start in starts]


def dump_of(entries: Iterable[Entry], sequence: int = SEQUENCE) -> list[bytes]:
    """Return a whole dump in datagrams of three messages."""
    return packed([*entry_messages(entries, sequence), done(sequence)])


def dump_request(states: int, sequence: int = SEQUENCE) -> bytes:
    """Return the legacy request for the TCP sockets of both families in a set of states."""
    lengths_and_extensions = struct.pack("=BBBB", 0, 0, 0, 0)  # family 0: both
    body = lengths_and_extensions + bytes(48) + struct.pack("=II", states, 0)
    return struct.pack("=IHHII", 16 + len(body), GETSOCK, DUMP_REQUEST, sequence, 0) + body
