"""Sockets in CLOSE_WAIT from sample to sample, on a fake kernel."""

import errno
import struct
from collections.abc import Collection, Iterable
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.close_wait import CloseWaitCounts
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.facts.tally import BPF, SocketTally
from tcp_pressure_exporter.pools.groups import RemoteGroup, RemoteGroups
from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.sample import close_wait as model
from tcp_pressure_exporter.sample.close_wait import CloseWait
from tcp_pressure_exporter.sampling.parts.close_wait import CloseWaitPart
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.counting.parser import readable_parser
from tcp_pressure_exporter.sources.netlink.sockets import DiagSocket
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.owners.processes import Search
from tests.sources.counting.counting import rules
from tests.support.fakes.fake_clock import FakeClock
from tests.support.fakes.fake_netlink_socket import FakeKernel
from tests.support.fakes.tallies import EMPTY
from tests.support.messages.close_wait_kinds import kind_of
from tests.support.messages.datagrams import CLOSE_WAIT, ESTABLISHED, Entry, attribute, diag_message
from tests.support.sampled import Namespace, given_reading

RULES = replace(rules(), kept_states=1 << CLOSE_WAIT)
ONLY_CLOSE_WAIT = 0b1_0000_0000
EXTENSIONS_AT = 16 + 3  # idiag_ext, behind struct nlmsghdr
INFO = 2  # INET_DIAG_INFO


def waiting(number: int, silence: float = 0.0, cause: str = "not_closed") -> Entry:
    """Return a socket of inode and cookie `number`, whose peer was silent for some seconds."""
    info = bytes(56) + struct.pack("=I", round(1000 * silence))
    entry = kind_of(cause).entry(40000 + number, cookie=number)
    return replace(entry, inode=number, attributes=attribute(INFO, info))


class Watched:
    """A watch on a fake kernel, and whose processes it looks for."""

    def __init__(self, root: Path) -> None:
        self.clock = FakeClock()
        self.kernel = FakeKernel()
        self.names: dict[int, str] = {}
        self.sought: list[set[int]] = []
        diag = DiagSocket(self.kernel.open, self.clock)
        self.namespace = Namespace(root, diag, self.clock, readable_parser())
        owners = Owners(Cgroups(root / "nowhere", self.clock), self._find, self.clock)
        self.watch = CloseWaitPart(self.namespace.sockets, owners)

    def _find(self, inodes: Collection[int], _first: Iterable[int], *, busy_alone: bool) -> Search:
        if busy_alone:
            return Search({})
        self.sought.append(set(inodes))
        return Search({one: self.names[one] for one in inodes if one in self.names})

    def take(self, *found: Entry, config: Config | None = None) -> CloseWait:
        """Let these be all sockets, and return what a sample says about them."""
        self.kernel.entries = list(found)
        return self.see(self.namespace.tally(RULES), config)

    def see(self, tally: SocketTally, config: Config | None = None) -> CloseWait:
        reading = given_reading(self.namespace, self.clock, config or Config(), tally=tally)
        return self.watch.take(reading)

    def see_some(self, *found: Entry) -> CloseWait:
        """Let these be the sockets with entries in the tally, among others."""
        kept = tuple(diag_message(entry) for entry in found)
        counts = CloseWaitCounts(not_closed=len(found) + 1)
        return self.see(replace(EMPTY, close_wait=counts, kept=kept, kept_overflow=1))

    @property
    def ages_asked(self) -> int:
        return sum(request.states == ONLY_CLOSE_WAIT for request in self.kernel.requests)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """Make a watch whose first sample is still to be taken."""
    return Watched(tmp_path)


def oldest(table: CloseWait, cause: str = "not_closed") -> float:
    return table.causes[cause].oldest_seconds


def test_what_was_there_before(watched: Watched) -> None:
    """At the first sample the kernel is asked how old the sockets are, by struct tcp_info."""
    table = watched.take(waiting(1, 3.0), waiting(2, 1830.5), waiting(3, 60.25, "eof_unread"))
    assert (oldest(table), oldest(table, "eof_unread")) == (1830.5, 60.25)
    assert watched.kernel.sent[-1][EXTENSIONS_AT] == 1 << (INFO - 1)
    assert watched.ages_asked == 1


def test_ages_go_on(watched: Watched) -> None:
    """Later a socket gets older by the time that passes, even if its peer is heard from again."""
    watched.take(waiting(1, 100.0))
    watched.clock.advance(5)
    assert oldest(watched.take(waiting(1, 0.0))) == 105
    watched.clock.advance(3600)
    assert oldest(watched.take(waiting(1, 3600.0))) == 3705
    assert watched.ages_asked == 1


def test_what_comes_later(watched: Watched) -> None:
    """A socket that comes later is as old as the first sample that showed it."""
    watched.take(waiting(1, 100.0))
    watched.clock.advance(5)
    assert oldest(watched.take(waiting(2, 777.0))) == 0
    watched.clock.advance(5)
    assert oldest(watched.take(waiting(2, 777.0))) == 5
    assert watched.ages_asked == 1


def test_none_at_first(watched: Watched) -> None:
    """If the first sample shows no socket, the kernel is never asked."""
    table = watched.take(Entry(ESTABLISHED, "10.0.0.2", 40000, "10.0.0.9", 443))
    assert oldest(table) == 0
    watched.clock.advance(5)
    watched.take(waiting(1, 100.0))
    assert watched.ages_asked == 0


def test_first_sample_that_failed(watched: Watched) -> None:
    """If the kernel does not give the ages, the sample fails, and the next one asks again."""
    refusal = OSError(errno.ENOBUFS, "No buffer space available")
    watched.kernel.fail = lambda asked: refusal if asked.states == ONLY_CLOSE_WAIT else None
    with pytest.raises(SourceError, match="No buffer space"):
        watched.take(waiting(1, 100.0))
    watched.kernel.fail = lambda _asked: None
    assert oldest(watched.take(waiting(1, 100.0))) == 100
    assert watched.ages_asked == 2


def test_same_ends_anew(watched: Watched) -> None:
    """A new connection between the ends of an old one has another cookie, and is young."""
    watched.take(waiting(1))
    watched.clock.advance(5)
    assert oldest(watched.take(replace(waiting(1), cookie=99))) == 0


def by_walk(tally: SocketTally) -> SocketTally:
    """Return a tally as if a walk had told it: the cookies are another source's."""
    return replace(tally, edge=tally.edge._replace(by=BPF))


def test_another_source(watched: Watched) -> None:
    """If another source tells of the sockets, each keeps its age; only a new one is asked about."""
    watched.take(waiting(1, 100.0))
    watched.clock.advance(5)
    same = replace(waiting(1), cookie=99)
    watched.kernel.entries = [same]
    assert oldest(watched.see(by_walk(watched.namespace.tally(RULES)))) == 105
    assert watched.ages_asked == 1
    watched.clock.advance(5)
    new = waiting(2, 3.0, "eof_unread")
    table = watched.take(waiting(1), new)
    assert (oldest(table), oldest(table, "eof_unread")) == (110, 3)
    assert watched.ages_asked == 2
    watched.clock.advance(5)
    watched.kernel.entries = [same, new, waiting(3, 777.0)]
    assert oldest(watched.see(by_walk(watched.namespace.tally(RULES)))) == 777
    watched.clock.advance(5)
    assert oldest(watched.see(by_walk(watched.namespace.tally(RULES)))) == 782
    assert watched.ages_asked == 3


def test_another_source_without_ages(watched: Watched) -> None:
    """If the kernel does not give the ages of new sockets, the known ones keep theirs."""
    watched.take(waiting(1, 100.0))
    watched.clock.advance(5)
    watched.kernel.entries = [replace(waiting(1), cookie=99), waiting(2)]
    tally = by_walk(watched.namespace.tally(RULES))
    refusal = OSError(errno.ENOBUFS, "No buffer space available")
    watched.kernel.fail = lambda asked: refusal if asked.states == ONLY_CLOSE_WAIT else None
    with pytest.raises(SourceError, match="No buffer space"):
        watched.see(tally)
    watched.kernel.fail = lambda _asked: None
    watched.clock.advance(5)
    assert oldest(watched.see(tally)) == 110


def test_gone_and_back(watched: Watched) -> None:
    """If a sample shows all sockets, those it does not show are forgotten."""
    watched.take(waiting(1))
    watched.clock.advance(5)
    watched.take()
    watched.clock.advance(5)
    assert oldest(watched.take(waiting(1))) == 0


def test_owners_of_what_is_stuck(watched: Watched) -> None:
    """Processes are looked up once a socket has waited for a second, and not before."""
    watched.names = {1: "java", 2: "curl"}
    assert watched.take(waiting(1)).owners == ()
    watched.clock.advance(0.75)
    assert watched.take(waiting(1), waiting(2)).owners == ()
    assert watched.sought == []
    watched.clock.advance(0.75)
    assert watched.take(waiting(1), waiting(2)).owners == ((Owner("", "java"), 1),)
    assert watched.sought == [{1}]
    watched.clock.advance(5)
    watched.take(waiting(1), waiting(2))
    assert watched.sought == [{1}, {2}]


def test_stuck_before_the_start(watched: Watched) -> None:
    """A socket that has waited since before the first sample has its owner from the first on."""
    watched.names = {1: "java"}
    table = watched.take(waiting(1, 100.0), waiting(2, 0.5))
    assert watched.sought == [{1}]
    assert (table.owners, table.unlisted) == (((Owner("", "java"), 1),), 1)
    assert table.remotes == (("10.0.0.9", 1),)


def test_part_of_the_sockets(watched: Watched) -> None:
    """If a sample does not show all sockets, those it does not show keep their ages."""
    watched.see_some(waiting(1))
    watched.clock.advance(5)
    watched.see_some(waiting(2))
    watched.clock.advance(5)
    table = watched.see_some(waiting(1), waiting(2))
    assert (oldest(table), table.unlisted) == (10, 3)


def test_bounded_memory(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the sockets that are not shown the oldest are remembered, up to a limit."""
    monkeypatch.setattr(model, "MAX_REMEMBERED", 3)
    watched.see_some(waiting(1), waiting(2, cause="eof_unread"))
    watched.clock.advance(5)
    watched.see_some(waiting(3), waiting(4))
    watched.clock.advance(5)
    table = watched.see_some(waiting(1), waiting(2, cause="eof_unread"))
    assert (oldest(table), oldest(table, "eof_unread")) == (10, 0)


def test_many_that_come_and_go(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full memory of others does not keep new sockets from getting old, nor from an owner."""
    monkeypatch.setattr(model, "MAX_REMEMBERED", 3)
    for number in range(10, 20):
        watched.see_some(waiting(number), waiting(number + 10))
        watched.clock.advance(5)
    watched.names = {1: "java"}
    assert oldest(watched.see_some(waiting(1), waiting(2))) == 0
    watched.clock.advance(5)
    table = watched.see_some(waiting(1), waiting(2))
    assert (oldest(table), table.owners) == (5, ((Owner("", "java"), 1),))


def test_listed_owner_stays(watched: Watched) -> None:
    """The owner that was listed stays against one with a tenth more sockets."""
    one = Config(listing=ListingRule(top=1))
    watched.names = dict.fromkeys(range(1, 11), "old") | dict.fromkeys(range(11, 22), "new")
    before = watched.take(*(waiting(n, 100.0) for n in range(1, 11)), config=one)
    after = watched.take(*(waiting(n) for n in range(1, 22)), config=one)
    watched.clock.advance(5)
    later = watched.take(*(waiting(n) for n in range(1, 22)), config=one)
    assert before.owners == after.owners == later.owners == ((Owner("", "old"), 10),)


def test_listed_remote_stays(watched: Watched) -> None:
    """The remote that was listed stays against one with a tenth more sockets."""
    one = Config(listing=ListingRule(top=1))
    old = [replace(waiting(n), remote="10.0.0.8") for n in range(1, 11)]
    new = [waiting(n) for n in range(11, 22)]
    assert watched.take(*old, config=one).remotes == (("10.0.0.8", 10),)
    assert watched.take(*old, *new, config=one).remotes == (("10.0.0.8", 10),)
    assert watched.take(*old, *new, config=one).remotes == (("10.0.0.8", 10),)


def test_configuration_of_the_moment(watched: Watched) -> None:
    """Groups and the number of rows are those of the configuration at each sample."""
    found = [waiting(1), waiting(2), replace(waiting(3), remote="10.0.1.1")]
    assert watched.take(*found).remotes == (("10.0.0.9", 2), ("10.0.1.1", 1))
    everything = RemoteGroups([RemoteGroup("all", (ip_network("10.0.0.0/8"),))])
    assert watched.take(*found, config=Config(groups=everything)).remotes == (("all", 3),)
    assert watched.take(*found, config=Config(listing=ListingRule(top=0))).remotes == ()
