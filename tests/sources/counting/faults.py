"""Recorded dumps with one fault each, for property tests."""

from typing import NamedTuple

from hypothesis import strategies as st

from tests.sources.counting.recordings import recorded_datagrams

CUT = 8


class Fault(NamedTuple):
    """Where a recording has a fault: a bit is flipped, or the datagram ends."""

    offset: int
    bit: int  # CUT: the datagram ends before this byte


def faults(name: str) -> st.SearchStrategy[Fault]:
    """Draw a fault in one of the recorded dumps."""
    total = sum(len(datagram) for datagram in recorded_datagrams(name))
    return st.builds(Fault, st.integers(0, total - 1), st.integers(0, CUT))


def with_fault(name: str, fault: Fault) -> list[bytes]:
    """Return the datagrams of the recording with the fault in them."""
    datagrams, offset = [], fault.offset
    for datagram in recorded_datagrams(name):
        damaged = bytearray(datagram)
        if 0 <= offset < len(datagram):
            if fault.bit == CUT:
                del damaged[offset:]
            else:
                damaged[offset] ^= 1 << fault.bit
        datagrams.append(bytes(damaged))
        offset -= len(datagram)
    return datagrams
