"""Addresses as the kernel compares them: 16 bytes, IPv4 in its v4-mapped form.

With one form for both families, an IPv4 socket and a v4-mapped IPv6 socket have the same address,
as they share one tuple space in the kernel.
"""

from ipaddress import IPv6Address
from socket import AF_INET, inet_ntop

ADDRESS_BYTES = 16
V4_MAPPED = bytes(10) + b"\xff\xff"  # RFC 4291, section 2.5.5.2
V4_LOOPBACK = V4_MAPPED + b"\x7f"  # 127.0.0.0/8
V6_LOOPBACK = bytes(15) + b"\x01"
V4_ANY = V4_MAPPED + bytes(4)
V6_ANY = bytes(16)
LOOPBACK_IFINDEX = 1  # of the interface `lo`: include/net/net_namespace.h


def normal_address(family: int, address: bytes) -> bytes:
    """Return an address from inet_diag in the form above (AF_INET uses 4 of its 16 bytes)."""
    return V4_MAPPED + address[:4] if family == AF_INET else address


def is_v4(address: bytes) -> bool:
    """Tell whether the address is IPv4 on the wire."""
    return address.startswith(V4_MAPPED)


def is_loopback(address: bytes) -> bool:
    """Tell whether the address is 127.0.0.0/8 or ::1 (kernel: tcp_twsk_unique)."""
    return address.startswith(V4_LOOPBACK) or address == V6_LOOPBACK


def is_link_local(address: bytes) -> bool:
    """Tell whether the address is in fe80::/10 (RFC 4291, section 2.5.6)."""
    return address[0] == 0xFE and address[1] & 0xC0 == 0x80  # noqa: PLR2004 - the prefix's bits


def format_address(address: bytes) -> str:
    """Write the address as text: dotted for IPv4, RFC 5952 for IPv6."""
    return inet_ntop(AF_INET, address[-4:]) if is_v4(address) else str(IPv6Address(address))
