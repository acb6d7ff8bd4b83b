"""The kernel's table of listening sockets, and the program that walks it.

The program writes each socket as sock_diag would, so the parsers of dumps also count the sockets of
a walk.
"""

import struct
from collections import defaultdict
from collections.abc import Collection, Iterator

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.loading import BpfObject, LoadObject, load, opened
from tcp_pressure_exporter.sources.bpf.walk.found import MOST_ATTEMPTS, NO_ROOM, OPERATION, STRAYED

OBJECT = "listeners"
PROGRAM, MAP = "walk_listeners", "found"
ARGUMENTS = struct.Struct("=QQQQ")
ONLY_KEY = bytes(4)
# struct listing: chains in the table, number of sockets; then the sockets, each a struct listener.
HEAD = struct.Struct("=II")
MESSAGE_BYTES = 116
NETNS = struct.Struct("=I")
NETNS_AT = 80  # idiag_uid of a real message
MOST_LISTENERS = 1024
LISTING_BYTES = HEAD.size + MOST_LISTENERS * MESSAGE_BYTES


class ListenerTable:
    """The host's table, which all network namespaces share; every question raises SourceError."""

    def __init__(self, loaded: BpfObject) -> None:
        self._loaded = loaded

    def chains(self) -> int:
        """Return how many chains the table has."""
        self._run(0, 0, 0, everywhere=False)
        return self._listing()[0]

    def messages(self, *, everywhere: bool = False) -> Iterator[bytes]:
        """Yield the messages of the calling thread's namespace, or of all: several in each piece.

        If a chain has more sockets than fit, it is walked several times: each walk skips the
        sockets that earlier ones returned.
        """
        chains = self.chains()
        first, step, passed = 0, chains, 0
        while first < chains:
            full, found = self._walk(first, step, passed, everywhere=everywhere)
            if full and step > 1:
                step //= 2
                continue
            yield found
            if full:
                passed += MOST_LISTENERS
            else:
                first, passed = first + step, 0
                step = _next_step(first, step, chains)

    def _walk(
        self, first: int, chains: int, passed: int, *, everywhere: bool
    ) -> tuple[bool, bytes]:
        """Walk some chains; return whether there are more sockets than fit, and those that fit."""
        for _ in range(MOST_ATTEMPTS):
            result = self._run(first, chains, passed, everywhere=everywhere)
            if result != STRAYED:
                return result == NO_ROOM, self._listing()[1]
        raise SourceError(OPERATION, f"{chains} chains of listening sockets change all the time")

    def _run(self, first: int, chains: int, passed: int, *, everywhere: bool) -> int:
        return self._loaded.run(PROGRAM, ARGUMENTS.pack(first, chains, passed, everywhere))

    def _listing(self) -> tuple[int, bytes]:
        listing = self._loaded.look_up(MAP, ONLY_KEY, LISTING_BYTES)
        chains, listeners = HEAD.unpack_from(listing)
        listed = min(listeners, MOST_LISTENERS) * MESSAGE_BYTES
        return chains, listing[HEAD.size : HEAD.size + listed]

    def close(self) -> None:
        """Release the program."""
        self._loaded.close()


def _next_step(first: int, step: int, chains: int) -> int:
    """Return how many chains to walk next: more again, once past those with many sockets."""
    wider = 2 * step
    return wider if first % wider == 0 and first + wider <= chains else step


def by_namespace(pieces: Iterator[bytes], inodes: Collection[int]) -> dict[int, list[bytes]]:
    """Return the messages of some namespaces, by inode."""
    found: dict[int, list[bytes]] = {inode: [] for inode in inodes}
    for piece in pieces:
        theirs: dict[int, list[bytes]] = defaultdict(list)
        for begin in range(0, len(piece), MESSAGE_BYTES):
            (inode,) = NETNS.unpack_from(piece, begin + NETNS_AT)
            if inode in found:
                theirs[inode].append(piece[begin : begin + MESSAGE_BYTES])
        for inode, messages in theirs.items():
            found[inode].append(b"".join(messages))
    return found


def open_listener_table(load_object: LoadObject = load) -> ListenerTable | Missing:
    """Return the table, or why it cannot be walked here; a trial run decides."""
    return opened(OBJECT, _tried, load_object)


def _tried(loaded: BpfObject) -> ListenerTable:
    table = ListenerTable(loaded)
    table.chains()
    return table
