"""Who holds the blocked ports from sample to sample, on a fake kernel."""

from collections.abc import Collection, Iterable
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.sampling.parts.local_ports import LocalPortsPart
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.counting.parser import readable_parser
from tcp_pressure_exporter.sources.netlink.sockets import DiagSocket
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.owners.processes import Search
from tests.support.fakes.fake_clock import FakeClock
from tests.support.fakes.fake_netlink_socket import FakeKernel
from tests.support.fakes.fake_procfs import FakeProcfs
from tests.support.messages.datagrams import CLOSE, LISTEN, Entry
from tests.support.sampled import Namespace, given_reading

WEB, AGENT = Owner("", "web"), Owner("", "agent")
FIRST_OF_AGENT = 40006  # lower ports are the web server's


def listener(port: int) -> Entry:
    return Entry(LISTEN, "0.0.0.0", port, inode=port)


class Watched:
    """Ten ports 40000-40009, and a search for processes that takes some seconds."""

    def __init__(self, root: Path) -> None:
        FakeProcfs(root)
        self.clock = FakeClock()
        self.kernel = FakeKernel([], [])
        self.search_seconds = 0.0
        self.sought: list[int] = []
        diag = DiagSocket(self.kernel.open, self.clock)
        self.namespace = Namespace(root, diag, self.clock, readable_parser())
        owners = Owners(Cgroups(root / "nowhere", self.clock), self._find, self.clock)
        self.watch = LocalPortsPart(owners, self.clock)

    def _find(self, inodes: Collection[int], _first: Iterable[int], *, busy_alone: bool) -> Search:
        if busy_alone:
            return Search({})
        self.clock.advance(self.search_seconds)
        self.sought += sorted(inodes)
        return Search({inode: "web" if inode < FIRST_OF_AGENT else "agent" for inode in inodes})

    def take(self) -> LocalPorts:
        ports = self.watch.take(given_reading(self.namespace, self.clock, Config()))
        assert isinstance(ports, LocalPorts)
        return ports


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """Make a watch that has not asked yet."""
    return Watched(tmp_path)


def test_from_half_on(watched: Watched) -> None:
    """The owners of bound sockets and listeners are shown, those with the most ports first."""
    watched.kernel.entries = [listener(port) for port in (443, 40004, 40005, 40006)]
    watched.kernel.bound_only = [
        Entry(CLOSE, "0.0.0.0", port, inode=port) for port in (40007, 40008, 50000)
    ]
    ports = watched.take()
    assert (ports.blocked, ports.choosable) == (5, 10)
    assert ports.owners == (OwnerCount(AGENT, 3), OwnerCount(WEB, 2))
    assert watched.sought == [40004, 40005, 40006, 40007, 40008]


def test_few(watched: Watched) -> None:
    """If less than half of the ports are blocked, no owner is looked up."""
    watched.kernel.entries = [listener(port) for port in range(40000, 40004)]
    assert watched.take().owners == ()
    assert watched.sought == []


def test_dear_search(watched: Watched) -> None:
    """At half a per cent of one CPU, a look-up that takes 20 ms is made every 4 s."""
    watched.search_seconds = 0.020
    watched.kernel.entries = [listener(port) for port in range(40000, 40006)]
    start = watched.clock.now
    assert watched.take().owners == (OwnerCount(WEB, 6),)
    watched.kernel.entries += [listener(40006)]
    for seconds, owners in (
        (3.9, (OwnerCount(WEB, 6),)),
        (4.1, (OwnerCount(WEB, 6), OwnerCount(AGENT, 1))),
    ):
        watched.clock.now = start + seconds
        ports = watched.take()
        assert (ports.blocked, ports.owners) == (7, owners)


def test_released(watched: Watched) -> None:
    """Once few ports are blocked nobody is named any more."""
    watched.kernel.entries = [listener(port) for port in range(40000, 40005)]
    assert watched.take().owners == (OwnerCount(WEB, 5),)
    watched.kernel.entries.pop()
    assert watched.take().owners == ()
