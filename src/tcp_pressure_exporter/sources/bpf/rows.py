"""What all counting programs (programs/counting.h) have in common: namespaces and rows."""

import struct
from collections.abc import Iterable, Iterator

from tcp_pressure_exporter.sources.bpf.loading import BpfObject

Entries = Iterable[tuple[bytes, bytes]]

COUNT = struct.Struct("=Q")
NETNS = struct.Struct("=I")  # the number of the network namespace: the first field of each key


def watch_namespace(loaded: BpfObject) -> int:
    """Make the program count in the calling thread's network namespace; return its number.

    Raises SourceError.
    """
    return loaded.run("watch_caller") & 0xFFFFFFFF  # a result is signed


def of_namespace(netns: int, entries: Entries) -> Iterator[tuple[bytes, int]]:
    """Yield (key, count) of the rows of one namespace; raises struct.error for a damaged row.

    Filters before it parses: other namespaces may have many rows.
    """
    begin = NETNS.pack(netns)
    for key, count in entries:
        if key.startswith(begin):
            yield key, COUNT.unpack(count)[0]


def process_name(name: bytes) -> str:
    """Return the name of a process: any bytes up to the first zero."""
    return name.partition(b"\0")[0].decode("utf-8", "replace")
