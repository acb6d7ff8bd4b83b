"""The source that walks, with netlink alongside: it is checked, and gives way when it must."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import ToldBy
from tcp_pressure_exporter.facts.sockets import BoundSocket, SocketId
from tcp_pressure_exporter.facts.tally import BPF, NETLINK, SocketTally, TallyRules
from tcp_pressure_exporter.sources.bpf.walk.checking import CHECK_MAX_AGE
from tcp_pressure_exporter.sources.bpf.walk.sockets import WalkedSockets
from tcp_pressure_exporter.sources.counting.bound import tally_bound
from tcp_pressure_exporter.sources.netlink.sockets import NetlinkSockets
from tests.sources.bpf.walk.walked import CGROUP, found, tally_walk
from tests.sources.counting.counting import rules, tally
from tests.support.fakes.fake_clock import FakeClock
from tests.support.messages.close_wait_kinds import KINDS
from tests.support.messages.datagrams import CLOSE_WAIT, ESTABLISHED, Entry, attribute

CGROUP_ID = 21  # include/uapi/linux/inet_diag.h: INET_DIAG_CGROUP_ID
RULES = replace(rules(), kept_states=1 << CLOSE_WAIT)
TWO = [Entry(ESTABLISHED, "10.0.0.2", 40000 + n, "10.0.0.9", 443) for n in range(2)]


LISTENER = BoundSocket(
    bytes(16), 0, listening=True, ipv6_only=False, queue_limit=5, owner_id=SocketId(7, 1)
)


def listening(*ports: int) -> BoundTally:
    return tally_bound(
        [LISTENER._replace(port=port) for port in ports],
        BoundRules(),
    )


class Kernel(NetlinkSockets):
    """Answers as scripted, through netlink and walks, and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__(
            lambda *_: tally([], RULES), lambda *_: pytest.fail("not asked"), bound_only=False
        )
        self.sockets = list(TWO)
        self.walked: list[Entry] | None = None
        self.failure: SourceError | None = None
        self.walked_listening = self.dumped_listening = listening(80)
        self.walks = self.dumps = 0
        self.between: Iterator[Callable[[], None]] = iter(())

    def walk(self, by: TallyRules) -> SocketTally:
        self.walks += 1
        if self.failure:
            raise self.failure
        entries = self.sockets if self.walked is None else self.walked
        return tally_walk([found(entries)], by)

    def walk_listeners(self, _rules: BoundRules) -> BoundTally:
        if self.failure:
            raise self.failure
        return self.walked_listening

    def listening(self, rules: BoundRules) -> BoundTally:
        del rules
        self.dumps += 1
        next(self.between, lambda: None)()
        return self.dumped_listening

    def tally(self, rules: TallyRules) -> SocketTally:
        self.dumps += 1
        next(self.between, lambda: None)()
        return tally(self.sockets, rules)

    def close_wait_ages(self) -> dict[bytes, float]:
        return {b"a cookie": 7.0}


class Lab:
    """The source under test, with its own kernel and clock."""

    def __init__(self) -> None:
        self.kernel, self.clock = Kernel(), FakeClock()
        self.source = WalkedSockets(
            self.kernel.walk, self.kernel.walk_listeners, self.kernel, dict, self.clock
        )

    def established(self) -> int:
        return self.source.tally(RULES).states[True, ESTABLISHED]

    def asked(self) -> tuple[int, int]:
        """Return the number of walks and of dumps since the last call."""
        asked = self.kernel.walks, self.kernel.dumps
        self.kernel.walks = self.kernel.dumps = 0
        return asked


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_checked_at_the_start(lab: Lab) -> None:
    """The first sockets are compared with a dump; the next ones come from a walk alone."""
    assert lab.established() == 2
    assert lab.asked() == (2, 1)
    lab.clock.now += CHECK_MAX_AGE
    assert lab.established() == 2
    assert lab.asked() == (2, 1)


def test_seldom(lab: Lab) -> None:
    """A check is repeated when its CPU budget allows, and at least once an hour."""
    lab.kernel.between = iter([lambda: lab.clock.advance(0.1)] * 3)
    lab.established()
    lab.asked()
    lab.clock.now += 499  # 0.1 s ÷ 0.02 %
    lab.established()
    assert lab.asked() == (1, 0)
    lab.clock.now += 2
    lab.established()
    assert lab.asked() == (2, 1)
    assert lab.source.told_by == ToldBy(BPF, fallbacks=0)


def test_wrong_numbers(lab: Lab) -> None:
    """If a dump disagrees three times, netlink takes over in the same sample."""
    lab.kernel.walked = TWO[:1]
    assert lab.established() == 2
    assert lab.asked() == (6, 4)
    told = lab.source.who_told()
    assert (told.source, told.fallbacks) == (NETLINK, 1)
    assert told.why == (
        "BPF walk: differs from netlink's dump: ipv4 established: 2 by netlink, 1 by BPF"
    )
    assert lab.established() == 2
    assert lab.asked() == (0, 1)


def test_wrong_by_chance(lab: Lab) -> None:
    """A table that changed during the check is checked again."""

    def one_comes() -> None:
        lab.kernel.sockets = TWO

    lab.kernel.sockets = [TWO[0], TWO[0], TWO[0]]
    lab.kernel.between = iter([one_comes])
    assert lab.established() == 2
    assert lab.source.told_by.source == BPF


def test_failing_walk(lab: Lab) -> None:
    """If a walk fails, netlink takes over at once, and for good."""
    lab.established()
    lab.clock.now += 1
    lab.asked()
    lab.kernel.failure = SourceError("BPF walk", "state 99 is unknown")
    assert lab.established() == 2
    lab.kernel.failure = None
    assert lab.established() == 2
    assert lab.asked()[1] == 2
    assert lab.source.told_by == ToldBy(NETLINK, "BPF walk: state 99 is unknown", fallbacks=1)


def test_netlink_fails(lab: Lab) -> None:
    """A dump that fails during a check says nothing against walks."""
    lab.kernel.between = iter([lambda: refuse("EBUSY")])
    assert lab.established() == 2
    assert lab.source.told_by.source == BPF


def refuse(reason: str) -> None:
    raise SourceError("sock_diag dump", reason)


def test_ages_of_close_wait(lab: Lab) -> None:
    """A walk itself tells how long a peer has been silent; without one, netlink is asked."""
    cgroup = attribute(CGROUP_ID, CGROUP.to_bytes(8, "little"))
    lab.kernel.sockets = [replace(KINDS[0].entry(cookie=5), expires=2500, attributes=cgroup)]
    lab.source.tally(RULES)
    assert lab.source.close_wait_ages() == {(5).to_bytes(8, "little"): 2.5}
    lab.kernel.failure = SourceError("BPF walk", "no more")
    lab.source.tally(RULES)
    assert lab.source.close_wait_ages() == {b"a cookie": 7.0}


def test_listeners(lab: Lab) -> None:
    """Listening sockets are compared with a dump at first; then they come from a walk alone."""
    lab.kernel.between = iter([lambda: lab.clock.advance(0.1)])
    assert lab.source.bound_sockets(BoundRules()).listening == 1 << 80
    assert lab.asked() == (0, 1)
    lab.kernel.walked_listening = listening(80, 81)
    assert lab.source.bound_sockets(BoundRules()).listening == 0b11 << 80
    assert lab.asked() == (0, 0)
    assert lab.source.told_by == ToldBy(BPF, fallbacks=0)


def test_wrong_listeners(lab: Lab) -> None:
    """If netlink tells of other listening sockets, it replaces all walks."""
    lab.kernel.walked_listening = listening(81)
    assert lab.source.bound_sockets(BoundRules()).listening == 1 << 80
    assert lab.source.told_by.source == NETLINK
    assert lab.source.told_by.fallbacks == 1
    assert lab.established() == 2
    assert lab.kernel.walks == 0


def test_listeners_that_come_and_go(lab: Lab) -> None:
    """A socket that exists for the dump but not for the walks is not the walk's fault."""
    lab.kernel.dumped_listening = listening(80, 81)

    def come() -> None:
        lab.kernel.walked_listening = listening(80, 82)

    lab.kernel.between = iter([come, lambda: None, lambda: None])
    lab.kernel.dumped_listening = listening(80, 82)
    assert lab.source.bound_sockets(BoundRules()).listening == 1 << 80 | 1 << 82
    assert lab.source.told_by.source == BPF


def test_listeners_that_cannot_be_walked(lab: Lab) -> None:
    """A walk that fails gives way to netlink, in the same sample."""
    lab.kernel.failure = SourceError("BPF walk", "4 chains change all the time")
    assert lab.source.bound_sockets(BoundRules()).listening == 1 << 80
    assert lab.source.told_by.why == "BPF walk: 4 chains change all the time"
