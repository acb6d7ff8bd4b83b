"""Sets of TCP ports as integers, and the range from which the kernel chooses.

Bit p of the integer stands for port p. A set of 65,536 ports is 8 KiB; union, intersection and size
are single operations on it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

DEFAULT_RANGE = range(32768, 61000)  # what Linux chooses from: net/ipv4/af_inet.c, inet_init_net
MAX_PORT = 65535
RESERVED_PORTS = 1023 - 665 + 1  # RPC_DEF_MIN_RESVPORT: include/linux/sunrpc/xprtsock.h
BITMAP_BYTES = (MAX_PORT + 1) // 8


def port_range(low: int, high: int) -> int:
    """Return the set of the ports low..high, both included; empty where high < low."""
    if high < low:
        return 0
    return ((1 << (high - low + 1)) - 1) << low


def port_set(ports: Iterable[int]) -> int:
    """Return the set of the given ports."""
    result = 0
    for port in ports:
        result |= 1 << port
    return result


def ports_of(ports: int) -> Iterator[int]:
    """Yield the ports of a set, lowest first."""
    while ports:
        lowest = ports & -ports
        yield lowest.bit_length() - 1
        ports ^= lowest


def to_bitmap(ports: int) -> bytes:
    """Return the set as 8192 bytes; port p is bit p & 7 of byte p >> 3."""
    return ports.to_bytes(BITMAP_BYTES, "little")


def contains(bitmap: bytes, port: int) -> int:
    """Return 1 if a set written by `to_bitmap` has a port, otherwise 0."""
    return bitmap[port >> 3] >> (port & 7) & 1


def from_bitmap(bitmap: bytes | bytearray) -> int:
    """Return the set that `to_bitmap` wrote."""
    return int.from_bytes(bitmap, "little")


@dataclass(frozen=True)
class PortRange:
    """The range low..high, both included, and the set of all reserved ports (facts/ports.py).

    in_pairs: whether the kernel searches the range in steps of two, as Linux does.
    privileged: how many ports below 1024 an RPC client can choose from.
    """

    low: int
    high: int
    reserved: int
    in_pairs: bool = True
    privileged: int = RESERVED_PORTS

    @cached_property
    def usable(self) -> int:
        """The set of ports that the kernel may choose."""
        return port_range(self.low, self.high) & ~self.reserved
