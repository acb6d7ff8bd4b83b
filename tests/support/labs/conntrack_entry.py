"""Tracked connections, written into conntrack by ctnetlink: no rule of a firewall is needed.

Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h (enum ctattr_nat) and netlink.h.
"""

import socket
import struct
from ipaddress import ip_address

from tests.support.messages.conntrack_messages import (
    NEW_ENTRY,
    ORIGINAL,
    REPLY,
    TIMEOUT,
    Connection,
    End,
    conntrack_tuple,
    nested,
    protocol_info,
    with_header,
)
from tests.support.messages.datagrams import attribute, message

NETLINK_NETFILTER = 12
CREATE = 0x1 | 0x4 | 0x200 | 0x400  # NLM_F_REQUEST, ACK, EXCL, CREATE
NAT_SOURCE = 6  # enum ctattr_type
NAT_PORTS, PORT_MIN, PORT_MAX = 3, 1, 2  # enum ctattr_nat, ctattr_protonat
SECONDS = 100


def track_connection(
    client: End, server: End, gateway: End | None = None, *, state: int = 3
) -> None:
    """Let conntrack of the thread's network namespace hold a connection, by default established.

    gateway: the end that replaces the client's.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.settimeout(10)
        netlink.send(creation(Connection(client, server, gateway, state=state)))
        (error,) = struct.unpack_from("=i", netlink.recv(4096), 16)
    assert error == 0, f"conntrack refused the entry: {error}"


def creation(connection: Connection, flags: int = CREATE) -> bytes:
    """Return the request for an entry."""
    client, server, protocol = connection.source, connection.destination, connection.protocol
    body = with_header(
        conntrack_tuple(ORIGINAL, client, server, protocol),
        conntrack_tuple(REPLY, server, client, protocol),  # the kernel puts the gateway into it
        *(_translation(connection.gateway) if connection.gateway else ()),
        attribute(TIMEOUT, struct.pack("!I", SECONDS)),
        protocol_info(connection.state or 0),
        family=connection.family,
    )
    return message(NEW_ENTRY, body, sequence=1, flags=flags)


def _translation(gateway: End) -> tuple[bytes]:
    address, port = ip_address(gateway[0]), struct.pack("!H", gateway[1])
    lowest = 1 if address.version == 4 else 4  # CTA_NAT_V4_MINIP, CTA_NAT_V6_MINIP
    ports = nested(NAT_PORTS, attribute(PORT_MIN, port), attribute(PORT_MAX, port))
    addresses = [attribute(kind, address.packed) for kind in (lowest, lowest + 1)]
    return (nested(NAT_SOURCE, *addresses, ports),)
