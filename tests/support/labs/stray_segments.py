"""Segments that belong to no connection, sent as root on a raw socket of the namespace."""

import socket
import struct

HEADER = struct.Struct("!HHIIBBHHH")  # RFC 9293, section 3.1
ACK = 0x10
STRAY = 12_345  # outside any window, except once in tens of thousands of times


def send_stray_ack(source: tuple[str, int], destination: tuple[str, int]) -> None:
    """Send an ACK outside any window, like a late duplicate or a forgery."""
    bare = HEADER.pack(source[1], destination[1], STRAY, STRAY, 5 << 4, ACK, 1000, 0, 0)
    sent = HEADER.pack(*HEADER.unpack(bare)[:7], _checksum(source[0], destination[0], bare), 0)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
        raw.bind((source[0], 0))
        raw.sendto(sent, (destination[0], 0))


def _checksum(source: str, destination: str, segment: bytes) -> int:
    """Return the checksum over the pseudo header and a segment of even length."""
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    covered = ends + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(segment)) + segment
    total: int = sum(struct.unpack(f"!{len(covered) // 2}H", covered))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
