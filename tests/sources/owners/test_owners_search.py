from collections.abc import Collection, Iterable
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.sockets import SocketId
from tcp_pressure_exporter.sources.owners import owners as module
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.owners.processes import Search
from tests.support.fakes.fake_clock import FakeClock


class FakeSearch:
    """Finds the processes it was given, in a time that the test sets."""

    def __init__(self, clock: FakeClock, seconds: float = 0.0) -> None:
        self.clock = clock
        self.seconds = seconds
        self.complete = True
        self.names: dict[int, str] = {}
        self.busy: dict[int, str] = {}
        self.asked: list[set[int]] = []
        self.asked_busy: list[set[int]] = []

    def __call__(
        self, inodes: Collection[int], _first: Iterable[int], *, busy_alone: bool
    ) -> Search:
        if busy_alone:
            self.asked_busy.append(set(inodes))
            names = {inode: self.busy[inode] for inode in inodes if inode in self.busy}
            return Search(names, complete=False)
        self.asked.append(set(inodes))
        self.clock.advance(self.seconds)
        found = {inode: self.names[inode] for inode in inodes if inode in self.names}
        return Search(found, self.complete)


@pytest.fixture
def clock() -> FakeClock:
    """Make a clock."""
    return FakeClock()


@pytest.fixture
def search(clock: FakeClock) -> FakeSearch:
    """Make a search that takes 0.1 s and knows three sockets."""
    search = FakeSearch(clock, seconds=0.1)
    search.names = {5: "nginx", 6: "redis", 7: "curl"}
    return search


@pytest.fixture
def owners(search: FakeSearch, clock: FakeClock, tmp_path: Path) -> Owners:
    """Make owners on a host without cgroups."""
    return Owners(Cgroups(tmp_path / "nowhere"), search, clock)


def sockets(*inodes: int) -> list[SocketId]:
    return [SocketId(inode, None) for inode in inodes]


def names(owners: Owners, *inodes: int) -> list[str]:
    return [owners.owner(socket).process for socket in sockets(*inodes)]


def test_names_are_remembered(owners: Owners, search: FakeSearch, clock: FakeClock) -> None:
    """A socket is looked up once, whether or not its process was found."""
    owners.look_up(sockets(5, 6, 99))
    clock.advance(100)
    owners.look_up(sockets(5, 6, 99))
    assert search.asked == [{5, 6, 99}]
    assert names(owners, 5, 6, 99) == ["nginx", "redis", ""]


def test_pause(owners: Owners, search: FakeSearch, clock: FakeClock) -> None:
    """After a search of 0.1 s new sockets wait 20 s for the next one; known ones keep names."""
    owners.look_up(sockets(5))
    clock.advance(19.85)
    owners.look_up(sockets(5, 6))
    assert names(owners, 5, 6) == ["nginx", ""]
    clock.advance(0.1)
    owners.look_up(sockets(5, 6))
    assert names(owners, 5, 6) == ["nginx", "redis"]
    assert search.asked == [{5}, {6}]


def test_busy_processes_between(owners: Owners, search: FakeSearch, clock: FakeClock) -> None:
    """In a pause the busy processes are searched; sockets they do not have wait."""
    owners.look_up(sockets(5))
    search.busy = {6: "nginx"}
    clock.advance(1)
    owners.look_up(sockets(6, 7))
    assert (search.asked, search.asked_busy) == ([{5}], [{6, 7}])
    assert names(owners, 6, 7) == ["nginx", ""]
    assert not owners.stopped
    clock.advance(20)
    owners.look_up(sockets(6, 7))
    assert names(owners, 6, 7) == ["nginx", "curl"]
    assert search.asked == [{5}, {7}]


def test_longest_pause(owners: Owners, search: FakeSearch, clock: FakeClock) -> None:
    """However long a search takes, the next one starts five minutes after it."""
    search.seconds = 60
    owners.look_up(sockets(5))
    clock.advance(239)
    owners.look_up(sockets(6))
    clock.advance(1)
    owners.look_up(sockets(6))
    assert search.asked == [{5}, {6}]


def test_renewal(owners: Owners, search: FakeSearch, clock: FakeClock) -> None:
    """After five minutes everything is looked up again: names change, vanish and appear."""
    owners.look_up(sockets(5, 6, 8))
    search.names = {5: "haproxy", 8: "late"}
    clock.advance(299.8)
    owners.look_up(sockets(5, 6, 8))
    assert names(owners, 5, 6, 8) == ["nginx", "redis", ""]
    clock.advance(0.2)
    owners.look_up(sockets(5, 6, 8))
    assert names(owners, 5, 6, 8) == ["haproxy", "", "late"]


def test_reused_inode(owners: Owners, clock: FakeClock) -> None:
    """Sockets that are no longer asked for are forgotten at the renewal."""
    owners.look_up(sockets(5, 6))
    clock.advance(300)
    owners.look_up(sockets(6))
    assert names(owners, 5, 6) == ["", "redis"]


def test_nothing_to_look_for(owners: Owners, search: FakeSearch) -> None:
    """Without sockets, or with ones that no process has, nothing is looked up."""
    owners.look_up([])
    owners.look_up(sockets(0))
    assert search.asked == []


def test_memory(
    owners: Owners, search: FakeSearch, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If more than MAX_KNOWN would be known, all but those asked for are forgotten."""
    monkeypatch.setattr(module, "MAX_KNOWN", 2)
    owners.look_up(sockets(5, 6))
    clock.advance(20)
    owners.look_up(sockets(6, 7))
    assert search.asked == [{5, 6}, {6, 7}]
    assert names(owners, 5, 6, 7) == ["", "redis", "curl"]


def test_many_sockets(owners: Owners, search: FakeSearch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than MAX_KNOWN sockets, the first ones are looked up."""
    monkeypatch.setattr(module, "MAX_KNOWN", 2)
    owners.look_up(sockets(7, 5, 6))
    assert search.asked == [{5, 7}]


def test_search_that_ended_early(owners: Owners, search: FakeSearch, clock: FakeClock) -> None:
    """An early end of a search is remembered until everything is looked up again."""
    owners.look_up(sockets(5))
    assert not owners.stopped
    search.complete = False
    clock.advance(100)
    owners.look_up(sockets(5, 99))
    assert owners.stopped
    search.complete = True
    clock.advance(100)
    owners.look_up(sockets(5, 6, 99))
    assert names(owners, 6, 99) == ["redis", ""]
    assert owners.stopped, "nobody looked for 99 again"
    clock.advance(300)
    owners.look_up(sockets(5, 99))
    assert not owners.stopped
