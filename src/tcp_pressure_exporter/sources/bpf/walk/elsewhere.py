"""The connections of other network namespaces: one walk for all of them.

All namespaces share the kernel's table, except those that have their own. A walk costs the same for
one namespace as for all. So there is one walk before the others are sampled, and it keeps what
belongs to them until then.
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
BLOCKS_TOGETHER = 64  # count as one here: a namespace has few connections in each
TABLE_SIZE = "net.ipv4.tcp_ehash_entries"  # negative for the shared table

Collect = Callable[[ConnectionTable, Collection[int]], Mapping[int, Sequence[Found]]]
Count = Callable[[Sequence[Found], int, TallyRules, int], SocketTally]
CountListeners = Callable[[Sequence[bytes], BoundRules], BoundTally]


def collect(table: ConnectionTable, inodes: Collection[int]) -> dict[int, list[Found]]:
    """Return what a walk finds in some namespaces; raises SourceError. The C code's oracle."""
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
    """Split by namespace what was found in some chains."""
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
    """Return inodes in the form that the C code takes."""
    return array("I", inodes).tobytes()


@dataclass(slots=True)
class Elsewhere:
    """What the newest walk found in other namespaces.

    usable: returns whether walks agree with dumps. inode: returns that of the thread's current
    namespace. is_private: whether the namespace that walks has its own connection table; its walks
    then show no other namespace's connections.
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
        """Walk the tables for these namespaces, and hold what is theirs while the block runs.

        If a walk fails, nothing is known about any of them: netlink is then asked in each.
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
        """Count the connections of the thread's namespace; None if they are not known."""
        found = self._found.get(self.inode())
        if found is None:
            return None
        return self.count(found, self.tables.connections.hz, rules, self._started_ms)

    def listening(self, rules: BoundRules) -> BoundTally | None:
        """Count the listening sockets of the thread's namespace; None if they are not known."""
        messages = self._listening.get(self.inode())
        return None if messages is None else self.count_listeners(messages, rules)


class ForeignSockets(BesideNetlink):
    """The sockets of a namespace that the calling thread enters; raises SourceError.

    They come from the walk made for all namespaces if it has them, else from netlink. A namespace
    with its own connection table always gets its connections from netlink.
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
        """Return the listening sockets and, if they are looked for, the bound-only ones."""
        listening = self._elsewhere.listening(rules)
        if listening is None:
            return super().bound_sockets(rules)
        return self._netlink.with_bound_only(listening, rules)

    def close_wait_ages(self) -> dict[bytes, float]:
        """Return the minimum age in seconds of each socket in CLOSE_WAIT, by its cookie."""
        return self._netlink.close_wait_ages() if self._silences is None else self._silences


def shares_table(procfs: Path) -> bool:
    """Tell whether the thread's namespace uses the shared table; False if the kernel does not say.

    Source: net/ipv4/sysctl_net_ipv4.c, proc_tcp_ehash_entries. A namespace keeps the same table
    for its whole life.
    """
    try:
        size = read_sysctl(procfs, TABLE_SIZE)
        return size is not None and parse_int(TABLE_SIZE, size) < 0
    except SourceError:
        return False
