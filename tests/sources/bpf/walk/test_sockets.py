"""The source that walks, with netlink beside it: checked, and giving way where it must."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import ToldBy
from tcp_pressure_exporter.facts.tally import BPF, NETLINK, SocketTally, TallyRules
from tcp_pressure_exporter.sources.bpf.walk.sockets import CHECK_MAX_AGE, WalkedSockets
from tcp_pressure_exporter.sources.netlink.sockets import NetlinkSockets
from tests.sources.bpf.walk.walked import CGROUP, found, tally_walk
from tests.sources.counting.counting import rules, tally
from tests.support.fakes.fake_clock import FakeClock
from tests.support.messages.close_wait_kinds import KINDS
from tests.support.messages.datagrams import CLOSE_WAIT, ESTABLISHED, Entry, attribute

CGROUP_ID = 21  # include/uapi/linux/inet_diag.h: INET_DIAG_CGROUP_ID
RULES = replace(rules(), kept_states=1 << CLOSE_WAIT)
TWO = [Entry(ESTABLISHED, "10.0.0.2", 40000 + n, "10.0.0.9", 443) for n in range(2)]


class Kernel(NetlinkSockets):
    """Tells what it is told to, by netlink and by walks; counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__(lambda *_: tally([], RULES), lambda *_: pytest.fail("not asked"))
        self.sockets = list(TWO)
        self.walked: list[Entry] | None = None
        self.failure: SourceError | None = None
        self.walks = self.dumps = 0
        self.between: Iterator[Callable[[], None]] = iter(())

    def walk(self, by: TallyRules) -> SocketTally:
        self.walks += 1
        if self.failure:
            raise self.failure
        entries = self.sockets if self.walked is None else self.walked
        return tally_walk([found(entries)], by)

    def tally(self, rules: TallyRules) -> SocketTally:
        self.dumps += 1
        next(self.between, lambda: None)()
        return tally(self.sockets, rules)

    def close_wait_ages(self) -> dict[bytes, float]:
        return {b"a cookie": 7.0}


class Lab:
    """The source under test on a kernel and a clock of its own."""

    def __init__(self) -> None:
        self.kernel, self.clock = Kernel(), FakeClock()
        self.source = WalkedSockets(self.kernel.walk, self.kernel, dict, self.clock)

    def established(self) -> int:
        return self.source.tally(RULES).states[True, ESTABLISHED]

    def asked(self) -> tuple[int, int]:
        """Return how often since the last time it was walked, and dumped."""
        asked = self.kernel.walks, self.kernel.dumps
        self.kernel.walks = self.kernel.dumps = 0
        return asked


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_checked_at_the_start(lab: Lab) -> None:
    """The first sockets are compared with a dump, the next ones come by a walk alone."""
    assert lab.established() == 2
    assert lab.asked() == (2, 1)
    lab.clock.now += CHECK_MAX_AGE
    assert lab.established() == 2
    assert lab.asked() == (2, 1)


def test_seldom(lab: Lab) -> None:
    """A check is made again when its CPU allows, and at least once an hour."""
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
    """Where a dump tells something else three times netlink takes over, in the same sample."""
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
    """A table that changed under the check is checked again."""

    def one_comes() -> None:
        lab.kernel.sockets = TWO

    lab.kernel.sockets = [TWO[0], TWO[0], TWO[0]]
    lab.kernel.between = iter([one_comes])
    assert lab.established() == 2
    assert lab.source.told_by.source == BPF


def test_failing_walk(lab: Lab) -> None:
    """Where a walk fails netlink takes over at once, and for good."""
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
    """A dump that fails while it is compared says nothing against walks."""
    lab.kernel.between = iter([lambda: refuse("EBUSY")])
    assert lab.established() == 2
    assert lab.source.told_by.source == BPF


def refuse(reason: str) -> None:
    raise SourceError("sock_diag dump", reason)


def test_ages_of_close_wait(lab: Lab) -> None:
    """How long a peer has been silent the walk tells by itself; else netlink is asked."""
    cgroup = attribute(CGROUP_ID, CGROUP.to_bytes(8, "little"))
    lab.kernel.sockets = [replace(KINDS[0].entry(cookie=5), expires=2500, attributes=cgroup)]
    lab.source.tally(RULES)
    assert lab.source.close_wait_ages() == {(5).to_bytes(8, "little"): 2.5}
    lab.kernel.failure = SourceError("BPF walk", "no more")
    lab.source.tally(RULES)
    assert lab.source.close_wait_ages() == {b"a cookie": 7.0}
