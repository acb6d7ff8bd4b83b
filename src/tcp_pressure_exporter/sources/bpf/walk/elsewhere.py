"""The connections of other network namespaces: one walk for all of them.

All namespaces share the kernel's table, except those that have one of their own. A walk costs the
same for one namespace as for all, so it is made once before the others are sampled, and what
belongs to them is kept until then.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import ElsewhereSource
from tcp_pressure_exporter.facts.tally import SocketTally, TallyRules
from tcp_pressure_exporter.sources.bpf.bind_hash import own_inode
from tcp_pressure_exporter.sources.bpf.walk.beside import BesideNetlink
from tcp_pressure_exporter.sources.bpf.walk.found import (
    CLOSE_WAIT,
    CONNECTION,
    OPERATION,
    Connection,
    Found,
    parse_connections,
)
from tcp_pressure_exporter.sources.bpf.walk.listeners import by_namespace
from tcp_pressure_exporter.sources.bpf.walk.table import ConnectionTable
from tcp_pressure_exporter.sources.bpf.walk.tables import Tables
from tcp_pressure_exporter.sources.netlink.entries import close_wait_silences
from tcp_pressure_exporter.sources.netlink.sockets import NetlinkSockets
from tcp_pressure_exporter.sources.procfs.files import parse_int, read_sysctl

MAX_CONNECTIONS = 262_144  # of all other namespaces together: 14 MB while they are sampled
BLOCKS_TOGETHER = 64  # are one block here: the connections of a namespace are few in each
TABLE_SIZE = "net.ipv4.tcp_ehash_entries"  # negative where it is the table that all share

Collect = Callable[[ConnectionTable, Collection[int]], Mapping[int, Sequence[Found]]]
Count = Callable[[Sequence[Found], int, TallyRules, int], SocketTally]
CountListeners = Callable[[Sequence[bytes], BoundRules], BoundTally]


def collect(table: ConnectionTable, inodes: Collection[int]) -> dict[int, list[Found]]:
    """Return what a walk finds of some namespaces; raises SourceError. The oracle of the C code."""
    collected: dict[int, list[Found]] = {inode: [] for inode in inodes}
    count = 0
    for found in table.walk(everywhere=True):
        parts = _by_namespace(found, inodes)
        count += sum(len(part.connections) // CONNECTION.size for part in parts.values())
        if count > MAX_CONNECTIONS:
            raise SourceError(OPERATION, f"more than {MAX_CONNECTIONS} connections elsewhere")
        for inode, part in parts.items():
            collected[inode].append(part)
    return collected


def _by_namespace(found: Found, inodes: Collection[int]) -> dict[int, Found]:
    """Split what was found in some chains."""
    theirs: dict[int, list[Connection]] = defaultdict(list)
    for connection in parse_connections(found):
        if connection.netns in inodes:
            theirs[connection.netns].append(connection)
    return {inode: _packed(found, connections) for inode, connections in theirs.items()}


def _packed(found: Found, connections: list[Connection]) -> Found:
    packed, details = b"", b""
    for connection in connections:
        begin = (connection.detail - 1) * CLOSE_WAIT.size
        detail = found.close_waits[begin : begin + CLOSE_WAIT.size] if connection.detail else b""
        details += detail
        place = len(details) // CLOSE_WAIT.size if detail else 0
        packed += CONNECTION.pack(*connection._replace(detail=place))
    return Found(found.block // BLOCKS_TOGETHER, found.now_ms, packed, details)


def packed_inodes(inodes: Collection[int]) -> bytes:
    """Return inodes as the C code takes them."""
    return array("I", inodes).tobytes()


@dataclass(slots=True)
class Elsewhere:
    """What the newest walk found of other namespaces.

    usable: returns whether walks tell what a dump tells. inode: of the thread's own namespace.
    is_private: whether that has a table of connections of its own: its walks show no other's.
    """

    tables: Tables
    collect: Collect
    count: Count
    count_listeners: CountListeners
    usable: Callable[[], bool]
    inode: Callable[[], int] = own_inode
    is_private: bool = False
    _started_ms: int = 0
    _found: Mapping[int, Sequence[Found]] = field(default_factory=dict)
    _listening: Mapping[int, Sequence[bytes]] = field(default_factory=dict)

    @contextmanager
    def looked_at(self, inodes: Collection[int]) -> Iterator[None]:
        """Walk the tables for these namespaces, and know what is theirs inside the block.

        If a walk fails, nothing is known of any of them: each is then asked by netlink.
        """
        try:
            if inodes and self.usable():
                self._look(inodes)
        except SourceError:
            self._forget()
        try:
            yield
        finally:
            self._forget()

    def _look(self, inodes: Collection[int]) -> None:
        self._started_ms = self.tables.connections.ticks_ms()
        if not self.is_private:
            self._found = self.collect(self.tables.connections, inodes)
        self._listening = by_namespace(self.tables.listeners.messages(everywhere=True), inodes)

    def _forget(self) -> None:
        self._found, self._listening = {}, {}

    def tally(self, rules: TallyRules) -> SocketTally | None:
        """Count the connections of the thread's namespace; None where they are not known."""
        found = self._found.get(self.inode())
        if found is None:
            return None
        return self.count(found, self.tables.connections.hz, rules, self._started_ms)

    def listening(self, rules: BoundRules) -> BoundTally | None:
        """Count the listening sockets of the thread's namespace; None where they are not known."""
        messages = self._listening.get(self.inode())
        return None if messages is None else self.count_listeners(messages, rules)


class ForeignSockets(BesideNetlink):
    """The sockets of a namespace that the calling thread goes into; raises SourceError.

    By the walk that was made for all where it has them, else by netlink: always where the namespace
    has a table of its own.
    """

    def __init__(self, elsewhere: ElsewhereSource, netlink: NetlinkSockets, procfs: Path) -> None:
        super().__init__(netlink)
        self._elsewhere = elsewhere
        self._procfs = procfs
        self._shares_table: bool | None = None
        self._silences: dict[bytes, float] | None = None

    def tally(self, rules: TallyRules) -> SocketTally:
        """Return the aggregates over all sockets that are not listening."""
        if self._shares_table is None:
            self._shares_table = shares_table(self._procfs)
        walked = self._elsewhere.tally(rules) if self._shares_table else None
        self._silences = close_wait_silences(walked.kept) if walked else None
        return walked or self._netlink.tally(rules)

    def bound_sockets(self, rules: BoundRules) -> BoundTally:
        """Return the listening sockets, and the bound-only ones as far as they are looked for."""
        listening = self._elsewhere.listening(rules)
        if listening is None:
            return super().bound_sockets(rules)
        return self._netlink.with_bound_only(listening, rules)

    def close_wait_ages(self) -> dict[bytes, float]:
        """Return the least age in seconds of each socket in CLOSE_WAIT, by its cookie."""
        return self._netlink.close_wait_ages() if self._silences is None else self._silences


def shares_table(procfs: Path) -> bool:
    """Tell whether the thread's namespace has no table of its own; False where nothing tells.

    Source: net/ipv4/sysctl_net_ipv4.c, proc_tcp_ehash_entries. A namespace has its table from its
    beginning to its end.
    """
    try:
        size = read_sysctl(procfs, TABLE_SIZE)
        return size is not None and parse_int(TABLE_SIZE, size) < 0
    except SourceError:
        return False
