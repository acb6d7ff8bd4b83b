"""What all counting programs (programs/counting.h) have in common: namespaces and rows."""

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from tcp_pressure_exporter.sources.bpf.loading import BpfObject

Entry = tuple[bytes, bytes]
Entries = Iterable[Entry]

COUNT = struct.Struct("=Q")
NETNS = struct.Struct("=I")  # the number of the network namespace: the first field of each key


def watch_namespace(loaded: BpfObject) -> int:
    """Make the program count in the calling thread's network namespace; return its number.

    Raises SourceError.
    """
    return loaded.run("watch_caller") & 0xFFFFFFFF  # a result is signed


class CountTable:
    """A table of counts, whose keys begin with the number of a network namespace.

    key_size: in bytes. most: rows that it has room for.
    """

    def __init__(self, loaded: BpfObject, name: str, key_size: int, most: int) -> None:
        self._loaded = loaded
        self._name = name
        self._key_size = key_size
        self._most = most
        self._holds = False
        self._held: Mapping[bytes, Sequence[Entry]] | None = None
        self.rows = 0  # of all namespaces, when it was last read

    @contextmanager
    def held(self) -> Iterator[None]:
        """Read the table once for all namespaces that ask inside the block."""
        self._holds = True
        try:
            yield
        finally:
            self._holds, self._held = False, None

    def of(self, netns: int) -> Sequence[Entry]:
        """Return the rows of a namespace; raises SourceError."""
        found = self._by_namespace() if self._held is None else self._held
        self._held = found if self._holds else None
        return found.get(NETNS.pack(netns), ())

    def _by_namespace(self) -> Mapping[bytes, Sequence[Entry]]:
        entries = self.entries()
        self.rows = len(entries)
        found: dict[bytes, list[Entry]] = defaultdict(list)
        for entry in entries:
            found[entry[0][: NETNS.size]].append(entry)
        return found

    def entries(self) -> list[Entry]:
        """Return the rows that the table has now, of all namespaces; raises SourceError."""
        return self._loaded.entries(self._name, self._key_size, COUNT.size, self._most)

    def delete(self, keys: Sequence[bytes]) -> None:
        """Delete rows; raises SourceError."""
        self._loaded.delete(self._name, keys)


@contextmanager
def all_held(tables: Iterable[CountTable]) -> Iterator[None]:
    """Hold several tables inside the block."""
    with ExitStack() as holds:
        for table in tables:
            holds.enter_context(table.held())
        yield


def counted(entries: Entries) -> Iterator[tuple[bytes, int]]:
    """Yield (key, count) of each row; raises struct.error for a damaged count."""
    return ((key, COUNT.unpack(count)[0]) for key, count in entries)


def process_name(name: bytes) -> str:
    """Return the name of a process: any bytes up to the first zero."""
    return name.partition(b"\0")[0].decode("utf-8", "replace")
