"""Entries of a conntrack dump, written attribute by attribute from the kernel's headers.

Source: include/uapi/linux/netfilter/nfnetlink.h (struct nfgenmsg), nfnetlink_conntrack.h (enum
ctattr_type and those below it), nf_conntrack_common.h (enum ip_conntrack_status) and
nf_conntrack_tcp.h (enum tcp_conntrack).
"""

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from tests.support.messages.datagrams import SEQUENCE, attribute, done, message, packed

NEW_ENTRY = 1 << 8  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW
GET = 1 << 8 | 1  # IPCTNL_MSG_CT_GET
NESTED = 0x8000  # NLA_F_NESTED

# enum ctattr_type
ORIGINAL, REPLY, STATUS, PROTOCOL_INFO, TIMEOUT, MARK, USE, ID = 1, 2, 3, 4, 7, 8, 11, 12
ZONE, STATUS_MASK = 18, 26
ADDRESSES, PROTOCOL, TUPLE_ZONE = 1, 2, 3  # enum ctattr_tuple
NUMBER, SOURCE_PORT, DESTINATION_PORT = 1, 2, 3  # enum ctattr_l4proto
TCP_INFO = 1  # enum ctattr_protoinfo
TCP_STATE = 1  # enum ctattr_protoinfo_tcp

# enum ip_conntrack_status
SEEN_REPLY, ASSURED, CONFIRMED, SRC_NAT, DST_NAT, OFFLOAD = 0x2, 0x4, 0x8, 0x10, 0x20, 0x4000

# enum tcp_conntrack
NONE, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, CLOSE_WAIT, LAST_ACK = range(7)
TIME_WAIT, CLOSE, SYN_SENT2 = range(7, 10)

End = tuple[str, int]


@dataclass(frozen=True)
class Connection:
    """A connection that a gateway tracks.

    gateway: what it has put in place of the source, None if it left the source alone.
    server: what it has put in place of the destination. state: None if the kernel gives none.
    zone: of both directions. zone_original, zone_reply: of only one.
    """

    source: End
    destination: End
    gateway: End | None = None
    server: End | None = None
    state: int | None = ESTABLISHED
    protocol: int = socket.IPPROTO_TCP
    zone: int = 0
    zone_original: int = 0
    zone_reply: int = 0

    @property
    def family(self) -> int:
        """The address family."""
        version = ip_address(self.source[0]).version
        return socket.AF_INET if version == 4 else socket.AF_INET6

    @property
    def reply(self) -> tuple[End, End]:
        """Where the replies come from and go to."""
        return self.server or self.destination, self.gateway or self.source

    @property
    def status(self) -> int:
        """The flags that the kernel shows."""
        translated = SRC_NAT * bool(self.gateway) | DST_NAT * bool(self.server)
        offloaded = OFFLOAD * (self.state is None)
        return CONFIRMED | SEEN_REPLY | ASSURED | translated | offloaded


def nested(kind: int, *attributes: bytes) -> bytes:
    return attribute(kind | NESTED, b"".join(attributes))


def conntrack_tuple(
    kind: int, source: End, destination: End, protocol: int, zone: int = 0
) -> bytes:
    """Return the attribute of one direction of a connection."""
    return nested(
        kind,
        nested(ADDRESSES, *_addresses(source[0], destination[0])),
        nested(
            PROTOCOL,
            attribute(NUMBER, bytes([protocol])),
            attribute(SOURCE_PORT, struct.pack("!H", source[1])),
            attribute(DESTINATION_PORT, struct.pack("!H", destination[1])),
        ),
        *zone_of(TUPLE_ZONE, zone),
    )


def zone_of(kind: int, zone: int) -> list[bytes]:
    """Return the attribute of a zone: the default one has none."""
    return [attribute(kind, struct.pack("!H", zone))] if zone else []


def _addresses(source: str, destination: str) -> tuple[bytes, bytes]:
    first = 1 if ip_address(source).version == 4 else 3  # CTA_IP_V4_SRC, CTA_IP_V6_SRC
    return (
        attribute(first, ip_address(source).packed),
        attribute(first + 1, ip_address(destination).packed),
    )


def status(flags: int) -> bytes:
    return attribute(STATUS, struct.pack("!I", flags))


def protocol_info(state: int) -> bytes:
    return nested(PROTOCOL_INFO, nested(TCP_INFO, attribute(TCP_STATE, bytes([state]))))


def entry(connection: Connection) -> bytes:
    """Return an entry with the attributes that every kernel sends, in order."""
    attributes = [
        conntrack_tuple(
            ORIGINAL,
            connection.source,
            connection.destination,
            connection.protocol,
            connection.zone_original,
        ),
        conntrack_tuple(REPLY, *connection.reply, connection.protocol, connection.zone_reply),
        *zone_of(ZONE, connection.zone),
        status(connection.status),
        attribute(MARK, bytes(4)),
        attribute(ID, bytes(4)),
        attribute(USE, struct.pack("!I", 1)),
    ]
    if connection.state is not None:
        attributes += [attribute(TIMEOUT, struct.pack("!I", 431_999))]
        attributes += [protocol_info(connection.state)]
    return with_header(*attributes, family=connection.family)


def with_header(*attributes: bytes, family: int = socket.AF_INET) -> bytes:
    """Return struct nfgenmsg (family, version, resource id) and the attributes."""
    return struct.pack("=BBH", family, 0, 0) + b"".join(attributes)


def dump_of_entries(entries: Iterable[bytes], sequence: int = SEQUENCE) -> list[bytes]:
    """Return a whole dump in datagrams of three messages."""
    messages = [message(NEW_ENTRY, payload, sequence=sequence) for payload in entries]
    return packed([*messages, done(sequence)])
