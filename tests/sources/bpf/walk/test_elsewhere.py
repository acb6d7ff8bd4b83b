"""The connections of other network namespaces: found by one walk, counted in each."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally
from tcp_pressure_exporter.facts.close_wait import CloseWaitSocket
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.walk import compiled
from tcp_pressure_exporter.sources.bpf.walk import elsewhere as readable
from tcp_pressure_exporter.sources.bpf.walk.elsewhere import (
    Elsewhere,
    ForeignSockets,
    shares_table,
)
from tcp_pressure_exporter.sources.bpf.walk.found import WALKED, Found
from tcp_pressure_exporter.sources.bpf.walk.listeners import HEAD, LISTING_BYTES, ListenerTable
from tcp_pressure_exporter.sources.bpf.walk.table import ConnectionTable
from tcp_pressure_exporter.sources.bpf.walk.tables import Tables, open_tables
from tcp_pressure_exporter.sources.counting.parser import best_parser
from tcp_pressure_exporter.sources.netlink.entries import close_wait_sockets
from tests.sources.bpf.walk.test_table import RULES, by_netlink, timeless
from tests.sources.bpf.walk.walked import found
from tests.sources.counting.counting import rules
from tests.support.labs.lab import open_lab, time_wait_here
from tests.support.labs.network_namespace import network_namespace, set_sysctl
from tests.support.labs.other_namespaces import inside, ip_netns, namespace_inode
from tests.support.messages.datagrams import CLOSE_WAIT, ESTABLISHED, Entry
from tests.support.sampled import PROC, Namespace

ONE = Entry(ESTABLISHED, "10.0.0.2", 40000, "10.0.0.9", 443)
NEEDS_BPF = pytest.mark.bpf("connections")
COUNT_LISTENERS = best_parser().tally_messages


@pytest.fixture
def tables() -> Iterator[Tables]:
    opened = open_tables()
    assert not isinstance(opened, Missing), opened.reason
    yield opened
    opened.close()


@NEEDS_BPF
def test_each_in_its_own(tables: Tables) -> None:
    """One walk tells of each namespace what a dump inside it tells; both decoders find it."""
    with ExitStack() as stack:
        names = [stack.enter_context(ip_netns()) for _ in range(3)]
        for number, name in enumerate(names):
            with inside(name):
                lab = stack.enter_context(open_lab())
                for _ in range(number):
                    lab.connect("127.0.0.9")
                    lab.connect("127.0.0.9", mapped=True)[0].close()  # CLOSE_WAIT
                    time_wait_here(lab.connect("::1"))
        inodes = [namespace_inode(name) for name in names]
        elsewhere = Elsewhere(
            tables, compiled.collect, compiled.tally_found, COUNT_LISTENERS, lambda: True
        )
        found_by_both = [
            collect(tables.connections, inodes) for collect in (compiled.collect, readable.collect)
        ]
        with elsewhere.looked_at(inodes):
            walked, dumped = [], []
            for name in names:
                with inside(name):
                    walked.append(elsewhere.tally(RULES))
                    dumped.append(by_netlink(RULES))
                    assert elsewhere.listening(BoundRules()) == listening_by_netlink()
            assert elsewhere.tally(RULES) is None  # nothing was asked about this namespace
            assert elsewhere.listening(BoundRules()) is None
    assert [sum(tally.states.values()) for tally in dumped] == [0, 5, 10]
    for tally, expected in zip(walked, dumped, strict=True):
        assert tally
        assert timeless(tally) == timeless(expected)
        assert told(tally.kept) == told(expected.kept)
    one, other = found_by_both
    assert without_times(one) == without_times(other)


def listening_by_netlink() -> BoundTally:
    with closing(Namespace(bound_only=False)) as namespace:
        return namespace.netlink.listening(BoundRules())


def told(kept: Sequence[bytes]) -> list[CloseWaitSocket]:
    return sorted(socket._replace(cookie=b"") for socket in close_wait_sockets(kept))


def without_times(collected: Mapping[int, Sequence[Found]]) -> dict[int, dict[int, Counter[str]]]:
    """Return how much each block has; time left in TIME_WAIT and the times of parts vary."""
    sums: dict[int, dict[int, Counter[str]]] = {}
    for inode, parts in collected.items():
        blocks = sums.setdefault(inode, {})
        for part in parts:
            blocks.setdefault(part.block, Counter()).update(
                connections=len(part.connections), close_waits=len(part.close_waits)
            )
    return sums


@NEEDS_BPF
def test_too_many(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk fails if it finds more connections than it can keep; no namespace is known then."""
    monkeypatch.setattr(readable, "MAX_CONNECTIONS", 1)
    with ip_netns() as name, ExitStack() as stack:
        with inside(name):
            stack.enter_context(open_lab()).connect("127.0.0.9")
        with pytest.raises(SourceError, match="more than 1 connections elsewhere"):
            readable.collect(tables.connections, [namespace_inode(name)])


class NoListeners:
    """The program, on a host where nobody listens."""

    def run(self, _program: str, _arguments: bytes) -> int:
        return WALKED

    def look_up(self, _table: str, _key: bytes, _size: int) -> bytes:
        return HEAD.pack(16, 0).ljust(LISTING_BYTES, b"\0")


class Lab:
    """Other namespaces as a walk finds them, without a kernel; the thread is in `inode`."""

    def __init__(self) -> None:
        self.inode = 7
        self.usable = True
        self.failure: SourceError | None = None
        self.walks = 0
        loaded: object = None
        connections = ConnectionTable(loaded, 1000, lambda: 0)  # type: ignore[arg-type]  # not asked
        self.elsewhere = Elsewhere(
            Tables(connections, ListenerTable(NoListeners())),  # type: ignore[arg-type]
            self._collect,
            compiled.tally_found,
            COUNT_LISTENERS,
            lambda: self.usable,
            lambda: self.inode,
        )

    def _collect(
        self, _table: ConnectionTable, inodes: Collection[int]
    ) -> Mapping[int, Sequence[Found]]:
        self.walks += 1
        if self.failure:
            raise self.failure
        return {inode: [found([ONE])] if inode == 7 else [] for inode in inodes}

    def sockets(self) -> int | None:
        tally = self.elsewhere.tally(rules())
        return None if tally is None else sum(tally.states.values())


def test_while_it_is_known() -> None:
    """Each namespace knows what was found in it while the block runs; an empty one is empty."""
    lab = Lab()
    assert lab.sockets() is None
    with lab.elsewhere.looked_at([7, 8]):
        assert lab.sockets() == 1
        lab.inode = 8
        assert lab.sockets() == 0
        lab.inode = 9
        assert lab.sockets() is None
    lab.inode = 7
    assert lab.sockets() is None
    assert lab.walks == 1


def test_not_walked() -> None:
    """There is no walk if nobody asks, or once walks proved wrong; a failed walk counts as none."""
    lab = Lab()
    with lab.elsewhere.looked_at([]):
        assert lab.walks == 0
    lab.usable = False
    with lab.elsewhere.looked_at([7]):
        assert (lab.walks, lab.sockets()) == (0, None)
    lab.usable, lab.failure = True, SourceError("BPF walk", "state 99 is unknown")
    with lab.elsewhere.looked_at([7]):
        assert (lab.walks, lab.sockets()) == (1, None)


def test_foreign_sockets(netns: None) -> None:
    """Netlink tells what the walk does not know, and always the details of single sockets."""
    del netns
    namespace, lab = Namespace(), Lab()
    with open_lab() as sockets:
        client, _accepted = sockets.connect("127.0.0.9")
        client.close()
        foreign = ForeignSockets(lab.elsewhere, namespace.netlink, PROC)
        with lab.elsewhere.looked_at([7]):
            assert sum(foreign.tally(rules()).states.values()) == 1
            assert foreign.close_wait_ages() == {}
        by = replace(RULES, kept_states=1 << CLOSE_WAIT)
        assert sum(foreign.tally(by).states.values()) == 2
        assert len(foreign.close_wait_ages()) == 1
        foreign.close()


def test_own_table() -> None:
    """A namespace with its own table appears in no other namespace's walk; netlink is asked."""
    with network_namespace():
        assert shares_table(PROC)
        set_sysctl("tcp_child_ehash_entries", 1024)
        with network_namespace():
            assert not shares_table(PROC)


def test_nothing_tells(tmp_path: Path) -> None:
    """If the kernel does not say whose table it is, netlink is asked."""
    assert not shares_table(tmp_path)
