"""What the rows of all counting programs (programs/counting.h) have in common."""

import struct
from collections.abc import Iterable, Iterator

Entries = Iterable[tuple[bytes, bytes]]

COUNT = struct.Struct("=Q")
NETNS = struct.Struct("=I")  # the inode of the network namespace: the first field of each key


def of_namespace(netns: int, entries: Entries) -> Iterator[tuple[bytes, int]]:
    """Yield (key, count) of the rows of one namespace; raises struct.error where a row is damaged.

    Before they are parsed: those of others may be many.
    """
    begin = NETNS.pack(netns)
    for key, count in entries:
        if key.startswith(begin):
            yield key, COUNT.unpack(count)[0]


def process_name(name: bytes) -> str:
    """Return the name of a process, which may be any bytes up to the first zero."""
    return name.partition(b"\0")[0].decode("utf-8", "replace")
