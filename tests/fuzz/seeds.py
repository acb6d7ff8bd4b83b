"""Writes the recorded dumps as a seed corpus: one file per datagram, and small pieces of them.

usage: python -m tests.fuzz.seeds FOLDER
"""

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.sources.counting.recordings import recorded_datagrams
from tests.support.messages.datagrams import done, error

PIECE = 400  # bytes: libFuzzer gets further with small inputs
CONNTRACK = 32  # the bit for a dump of conntrack
UNTRANSLATED = 64  # and for its connections without a translated source


def seeds() -> Iterator[bytes]:
    """Yield inputs in the form that tally_fuzzer.c describes."""
    for number, datagram in enumerate([*recorded_datagrams("main"), *recorded_datagrams("bound")]):
        yield bytes([number & 31, 255]) + datagram
        yield bytes([31, 128]) + datagram[:PIECE] + done()
    for datagram in recorded_datagrams("conntrack"):
        yield bytes([CONNTRACK, 255]) + datagram
        yield bytes([CONNTRACK | UNTRANSLATED, 255]) + datagram
        for start in _messages(datagram):
            yield bytes([CONNTRACK | start & 31, 128]) + datagram[start : start + PIECE] + done()
    yield bytes([0, 0]) + error(-16)


def _messages(datagram: bytes) -> Iterator[int]:
    """Yield where the messages of a datagram begin."""
    start = 0
    while start < len(datagram):
        yield start
        (length,) = struct.unpack_from("=I", datagram, start)
        start += (length + 3) & ~3  # NLMSG_ALIGN


def write(folder: Path) -> None:
    for number, seed in enumerate(seeds()):
        (folder / f"seed-{number}").write_bytes(seed)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
