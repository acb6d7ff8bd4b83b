"""A tracked connection, written into conntrack by ctnetlink: no rule of a firewall is needed.

Source: include/uapi/linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h (enum ctattr_type and those
below it) and include/uapi/linux/netlink.h.
"""

import socket
import struct

NETLINK_NETFILTER = 12
NEW_CONNTRACK = 1 << 8  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW
CREATE = 0x1 | 0x4 | 0x200 | 0x400  # NLM_F_REQUEST, ACK, EXCL, CREATE
NESTED = 0x8000

ORIGINAL, REPLY, PROTOCOL_INFO, TIMEOUT = 1, 2, 4, 7  # enum ctattr_type
TCP_ESTABLISHED = 3  # enum tcp_conntrack
SECONDS = 100

End = tuple[str, int]


def track_connection(client: End, server: End) -> None:
    """Let conntrack of the thread's network namespace hold an established connection."""
    body = (
        struct.pack("=BBH", socket.AF_INET, 0, 0)
        + _direction(ORIGINAL, client, server)
        + _direction(REPLY, server, client)
        + _attribute(TIMEOUT, struct.pack("!I", SECONDS))
        + _nested(PROTOCOL_INFO, _nested(1, _attribute(1, bytes([TCP_ESTABLISHED]))))
    )
    header = struct.pack("=IHHII", 16 + len(body), NEW_CONNTRACK, CREATE, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.settimeout(10)
        netlink.send(header + body)
        (error,) = struct.unpack_from("=i", netlink.recv(4096), 16)
    assert error == 0, f"conntrack refused the entry: {error}"


def _direction(kind: int, source: End, destination: End) -> bytes:
    addresses = [socket.inet_aton(address) for address, _port in (source, destination)]
    ports = [struct.pack("!H", port) for _address, port in (source, destination)]
    protocol = _attribute(1, bytes([socket.IPPROTO_TCP]))
    return _nested(
        kind,
        _nested(1, _attribute(1, addresses[0]) + _attribute(2, addresses[1]))
        + _nested(2, protocol + _attribute(2, ports[0]) + _attribute(3, ports[1])),
    )


def _nested(kind: int, attributes: bytes) -> bytes:
    return _attribute(kind | NESTED, attributes)


def _attribute(kind: int, value: bytes) -> bytes:
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + b"\0" * (-length % 4)
