"""The owners of pools near their limit from sample to sample, on a fake kernel."""

import errno
import socket
from collections.abc import Collection, Iterable
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.failures import NO_PORT, FailureKind
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pools.forecast import Outlook
from tcp_pressure_exporter.pools.groups import GroupKey, ListedKey, RemoteGroup, RemoteGroups
from tcp_pressure_exporter.pools.listing import SeenOwner
from tcp_pressure_exporter.pools.near_limit.closer_look import PoolOwners
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable
from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.sample.counted.failures import (
    FailureOwner,
    PortFailures,
    RecentCount,
    RecentFailures,
)
from tcp_pressure_exporter.sample.sample import PORT_FAILURES
from tcp_pressure_exporter.sampling.parts.part import Reading
from tcp_pressure_exporter.sampling.parts.pool_owners import PoolOwnersPart
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.counting.parser import readable_parser
from tcp_pressure_exporter.sources.netlink.sockets import DiagSocket
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.owners.processes import Search
from tests.sources.counting.counting import key, rules
from tests.support.fakes.fake_clock import FakeClock
from tests.support.fakes.fake_netlink_socket import ATTRIBUTE_AT, FakeKernel, Reply, Request
from tests.support.fakes.filter_program import accepts, program_of
from tests.support.messages.datagrams import ESTABLISHED, TIME_WAIT, Entry
from tests.support.messages.socket_entries import sixteen_bytes
from tests.support.sampled import Namespace, given_reading

INFINITE = float("inf")
LIVE = 0b1011_1011_1110  # every state but LISTEN and TIME_WAIT
RULES = rules()
A, B = key("10.0.0.2", "10.0.0.8", 443), key("10.0.0.2", "10.0.0.9", 443)
LB = RemoteGroups([RemoteGroup("lb", (ip_network("10.0.1.0/24"),))])
GROUP = GroupKey(sixteen_bytes("10.0.0.2"), "lb", (443).to_bytes(2, "big"))
NAMES = {1: "nginx", 2: "nginx", 3: "curl"}
NGINX, CURL = Owner("", "nginx"), Owner("", "curl")


def outgoing(number: int, remote: str = "10.0.0.8", state: int = ESTABLISHED) -> Entry:
    return Entry(state, "10.0.0.2", 40000 + number, remote, 443, inode=number)


def table(*keys: ListedKey, used: int = 900) -> PoolTable:
    """Return the outbound pools, each with that many of a thousand ports used."""
    pools = tuple(ListedPool(k, "10.0.0.2", "remote", "443", Usage(used, 1000, 0, 0)) for k in keys)
    return PoolTable(len(pools), 1.0, 1.0, pools, 0, 0)


class Watched:
    """A watch on a fake kernel, where a dump and a search for processes take some time."""

    def __init__(self, root: Path) -> None:
        self.clock = FakeClock()
        self.kernel = FakeKernel([outgoing(1), outgoing(2), outgoing(3), outgoing(3, "10.0.0.9")])
        self.kernel.fail = self._spend
        self.refusal: Reply | None = None
        self.dump_seconds = 0.0
        self.search_seconds = 0.0
        diag = DiagSocket(self.kernel.open, self.clock)
        self.namespace = Namespace(root, diag, self.clock, readable_parser())
        owners = Owners(Cgroups(root / "nowhere", self.clock), self._find, self.clock)
        self.watch = PoolOwnersPart(
            self.namespace.sockets, owners, self.clock, pause=self.clock.advance
        )

    def _spend(self, _request: Request) -> Reply | None:
        self.clock.advance(self.dump_seconds)
        return self.refusal

    def _find(self, inodes: Collection[int], _first: Iterable[int], *, busy_alone: bool) -> Search:
        if busy_alone:
            return Search({})
        self.clock.advance(self.search_seconds)
        return Search({inode: NAMES[inode] for inode in inodes if inode in NAMES})

    def take(
        self, outbound: PoolTable, groups: RemoteGroups | None = None
    ) -> tuple[PoolOwners, ...]:
        return self.watch.take(self.reading(outbound, groups))

    def reading(self, outbound: PoolTable, groups: RemoteGroups | None = None) -> Reading:
        config = Config(groups=groups or RemoteGroups())
        return given_reading(self.namespace, self.clock, config, rules=RULES, outbound=outbound)

    def appear_at(self, look: int, entries: list[Entry]) -> None:
        """Show the sockets only after that many looks."""
        if len(self.kernel.requests) >= look:
            self.kernel.entries = entries

    def asked_at(self, seconds: int) -> list[int]:
        """Sample every second; return the seconds at which the kernel was asked."""
        start, asked = self.clock.now, []
        for at in range(seconds):
            self.clock.now = start + at
            before = len(self.kernel.requests)
            assert owners_of(self.take(table(A))) == {A: ((NGINX, 2), (CURL, 1))}
            if len(self.kernel.requests) > before:
                asked.append(at)
        return asked


def sockets_of(found: PoolOwners) -> tuple[tuple[Owner, int], ...]:
    return tuple((one.owner, one.sockets) for one in found.owners)


def owners_of(found: Iterable[PoolOwners]) -> dict[ListedKey, object]:
    return {one.pool.key: sockets_of(one) for one in found}


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """Make a watch that has not asked yet."""
    return Watched(tmp_path)


def test_near_the_limit(watched: Watched) -> None:
    """The owners of a pool near its limit are shown, those with the most live sockets first."""
    watched.kernel.entries.append(outgoing(4, state=TIME_WAIT))
    outbound = table(A, B)
    [one, other] = watched.take(outbound)
    assert (one.pool, sockets_of(one)) == (outbound.listed[0], ((NGINX, 2), (CURL, 1)))
    assert (other.pool, sockets_of(other)) == (outbound.listed[1], ((CURL, 1),))


def test_what_is_asked(watched: Watched) -> None:
    """The kernel is asked only for live sockets connected to these pools' remotes."""
    watched.take(table(A))
    assert [request.states for request in watched.kernel.requests] == [LIVE]
    program = program_of(watched.kernel.sent[0][ATTRIBUTE_AT:])
    for remote, port, wanted in (
        ("10.0.0.8", 443, True),
        ("10.0.0.9", 443, False),
        ("10.0.0.8", 80, False),
    ):
        assert accepts(program, socket.AF_INET, ip_address(remote).packed, port) is wanted


def test_far_from_the_limit(watched: Watched) -> None:
    """If no pool is near its limit, nothing is asked, and nothing shown."""
    assert watched.take(table(A, used=699)) == watched.take(table()) == ()
    assert watched.kernel.requests == []


def test_cheap_question(watched: Watched) -> None:
    """A question that takes next to no time is asked in every sample."""
    assert watched.asked_at(5) == [0, 1, 2, 3, 4]


def test_dear_question(watched: Watched) -> None:
    """At half a per cent of one CPU, a dump that takes 20 ms is requested every 4 s."""
    watched.dump_seconds = 0.020
    assert watched.asked_at(13) == [0, 4, 8, 12]


def test_dear_search(watched: Watched) -> None:
    """Looking up processes has its own allowance: here the dump waits 2 s."""
    watched.dump_seconds = watched.search_seconds = 0.010
    assert watched.asked_at(7) == [0, 2, 4, 6]


def test_longest_pause(watched: Watched) -> None:
    """However expensive, an answer gets no older than a minute."""
    watched.dump_seconds = 2.0
    assert watched.asked_at(125) == [0, 60, 120]


def test_answers_are_remembered(watched: Watched) -> None:
    """Between two questions the last answer stands; a pool that was not asked about has none."""
    watched.dump_seconds = 0.020
    watched.take(table(A))
    watched.kernel.entries = []
    assert owners_of(watched.take(table(B, A))) == {B: (), A: ((NGINX, 2), (CURL, 1))}
    watched.clock.advance(4)
    assert owners_of(watched.take(table(B, A))) == {B: (), A: ((NGINX, 0), (CURL, 0))}


def test_between_two_waves(watched: Watched) -> None:
    """A pool that has calmed down keeps its owners for five minutes, and is looked at meanwhile."""
    watched.take(table(A))
    watched.kernel.entries = []
    watched.clock.advance(100)
    assert owners_of(watched.take(table(A, used=100))) == {A: ((NGINX, 0), (CURL, 0))}
    watched.kernel.entries = [outgoing(3)]
    watched.clock.advance(100)
    assert owners_of(watched.take(table(A, used=100))) == {A: ((CURL, 1), (NGINX, 0))}
    watched.clock.advance(100)
    assert watched.take(table(A, used=100)) == ()


def full_soon(seconds: float) -> PoolTable:
    """Return a pool that is 47 % full, and full in that many seconds."""
    (pool,) = table(A, used=470).listed
    soon = replace(pool, outlook=Outlook(seconds, 1.3, 200.0, 0))
    return replace(table(A), listed=(soon,))


def test_first_sign(watched: Watched) -> None:
    """A pool that is critical by its forecast has owners, however much room there still is."""
    assert watched.take(full_soon(61.0)) == ()
    assert owners_of(watched.take(full_soon(59.0))) == {A: ((NGINX, 2), (CURL, 1))}


def test_refused(watched: Watched) -> None:
    """A pool that refuses connections has owners, however full it seems."""
    kind = FailureKind("connect", NO_PORT)
    caller = FailureOwner(kind, NGINX, "10.0.0.2", "remote", "443")
    recent = RecentFailures(60.0, {caller: RecentCount(3, 5.0)})
    reading = watched.reading(full_soon(INFINITE))
    reading.put(PORT_FAILURES, Outcome(0.0, PortFailures({}, {}, {}, recent)))
    assert owners_of(watched.watch.take(reading)) == {A: ((NGINX, 2), (CURL, 1))}


def test_short_connections(watched: Watched) -> None:
    """While no owner is known, the kernel is asked again at once: here the fourth look sees one."""
    entries, watched.kernel.entries = watched.kernel.entries, []
    watched.kernel.fail = lambda _request: watched.appear_at(4, entries)
    assert owners_of(watched.take(table(A))) == {A: ((NGINX, 2), (CURL, 1))}
    assert len(watched.kernel.requests) == 4


def test_dear_looks(watched: Watched) -> None:
    """Looks in a row are paid for together: five of 20 ms make a pause of 20 s."""
    watched.kernel.entries = []
    watched.dump_seconds = 0.020
    start = watched.clock.now
    for at, asked in ((0.0, 5), (19.9, 5), (20.0, 10)):
        watched.clock.now = start + at
        watched.take(table(A))
        assert len(watched.kernel.requests) == asked


def test_nobody_at_all(watched: Watched) -> None:
    """If no look sees anyone, there are five of them."""
    watched.kernel.entries = []
    assert owners_of(watched.take(table(A))) == {A: ()}
    assert len(watched.kernel.requests) == 5


def test_seen_seconds_ago(watched: Watched) -> None:
    """How long ago an owner was seen grows from sample to sample."""
    watched.take(table(A))
    watched.kernel.entries = []
    watched.clock.advance(40)
    [found] = watched.take(table(A))
    assert found.owners == (SeenOwner(NGINX, 0, 40.0), SeenOwner(CURL, 0, 40.0))


def test_group(watched: Watched) -> None:
    """The kernel is asked for a group at any address, and its owners are shown together."""
    watched.kernel.entries += [
        outgoing(1, "10.0.1.1"),
        outgoing(2, "10.0.1.2"),
        outgoing(3, "10.0.2.1"),
    ]
    assert owners_of(watched.take(table(GROUP), LB)) == {GROUP: ((NGINX, 2),)}
    program = program_of(watched.kernel.sent[0][ATTRIBUTE_AT:])
    assert accepts(program, socket.AF_INET, ip_address("10.0.1.77").packed, 443)
    assert not accepts(program, socket.AF_INET, ip_address("10.0.1.77").packed, 80)


def test_failure(watched: Watched) -> None:
    """A kernel that refuses is a SourceError; it is asked again in the next sample."""
    watched.dump_seconds = 2.0
    watched.refusal = OSError(errno.ENOBUFS, "No buffer space available")
    with pytest.raises(SourceError, match="No buffer space"):
        watched.take(table(A))
    watched.refusal = None
    assert owners_of(watched.take(table(A))) == {A: ((NGINX, 2), (CURL, 1))}
