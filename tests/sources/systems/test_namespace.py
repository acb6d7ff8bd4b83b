from collections.abc import Callable
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import PortRange, port_set
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.facts.tally import TallyRules
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.sources.counting.parser import readable_parser
from tcp_pressure_exporter.sources.netlink.sockets import DiagSocket
from tests.support.fakes.fake_clock import FakeClock
from tests.support.fakes.fake_netlink_socket import FakeKernel, Reply, Request
from tests.support.fakes.fake_procfs import FakeProcfs
from tests.support.fakes.tallies import counts
from tests.support.messages.datagrams import CLOSE, ESTABLISHED, LISTEN, TIME_WAIT, Entry
from tests.support.sampled import Namespace

BOUND_ONLY = 1 << 13
LISTENERS_ALONE = 1 << 10
LISTENER = Entry(LISTEN, "127.0.0.1", 8080)
BINDER = Entry(CLOSE, "127.0.0.1", 45000)


class Lab:
    """A namespace on a fake kernel, where a walk over all sockets takes some time."""

    def __init__(self, root: Path = Path("/nowhere"), walk_seconds: float = 0.0) -> None:
        self.clock = FakeClock()
        self.kernel = FakeKernel([LISTENER], [BINDER])
        self.kernel.fail = self._spend
        self.walk_seconds = walk_seconds
        self.fail: Callable[[Request], Reply | None] = lambda _request: None
        diag = DiagSocket(self.kernel.open, self.clock)
        self.namespace = Namespace(root, diag, self.clock, readable_parser())

    def _spend(self, request: Request) -> Reply | None:
        if request.states == BOUND_ONLY:
            self.clock.advance(self.walk_seconds)
        return self.fail(request)

    def ports(self) -> list[int]:
        return [socket.port for socket in self.namespace.bound_sockets()]

    def walks(self, seconds: int, every: int = 5) -> list[int]:
        """Sample at an interval; return the seconds at which the walk was made."""
        start = self.clock.now
        made = []
        for at in range(0, seconds, every):
            self.clock.now = start + at
            assert self.ports() == [8080, 45000]
            if self.kernel.requests[-1].states == BOUND_ONLY:
                made.append(at)
        return made


def test_cheap_walk() -> None:
    """A walk of 2 ms may be made every 4 s, so in each sample at a 5 s interval."""
    assert Lab(walk_seconds=0.002).walks(30) == [0, 5, 10, 15, 20, 25]


def test_dear_walk() -> None:
    """A walk of 20 ms may be made every 40 s; in between, the only-bound sockets are remembered."""
    assert Lab(walk_seconds=0.020).walks(130) == [0, 40, 80, 120]


def test_very_dear_walk() -> None:
    """However expensive the walk, its result is never older than a minute."""
    assert Lab(walk_seconds=2.0).walks(190) == [0, 60, 120, 180]


def test_listeners_are_never_remembered() -> None:
    """Between two walks the listeners are read again, and a binder that has gone is still shown."""
    lab = Lab(walk_seconds=0.020)
    assert lab.ports() == [8080, 45000]
    lab.kernel.entries = [Entry(LISTEN, "127.0.0.1", 9090)]
    lab.kernel.bound_only = []
    assert lab.ports() == [9090, 45000]
    assert lab.kernel.requests[-1].states == LISTENERS_ALONE
    lab.clock.advance(60)
    assert lab.ports() == [9090]


def test_failed_walk() -> None:
    """A walk that failed is tried again at the next sample, not after the pause."""
    lab = Lab(walk_seconds=0.020)
    lab.fail = lambda _request: OSError(105, "No buffer space available")
    with pytest.raises(SourceError):
        lab.ports()
    lab.fail = lambda _request: None
    assert lab.ports() == [8080, 45000]


def test_tally() -> None:
    """The dump asks for every state but LISTEN, and counts by the rules given."""
    lab = Lab()
    lab.kernel.entries += [
        Entry(ESTABLISHED, "10.0.0.2", 40000, "10.0.0.9", 443),
        Entry(TIME_WAIT, "10.0.0.2", 40001, "10.0.0.9", 443),
    ]
    never = TimeWaitReuse(everywhere=False, on_loopback=False)
    counted = lab.namespace.tally(TallyRules(port_set([40000, 40001]), 0, 0, never))
    assert list(counts(counted.outbound).values()) == [(2, 1, 0)]
    assert lab.kernel.requests[-1].states == 0b1011_1111_1110


def test_settings(tmp_path: Path) -> None:
    """Settings come from the given tree."""
    FakeProcfs(tmp_path)
    namespace = Lab(tmp_path).namespace
    assert namespace.port_range() == PortRange(40000, 40009, 0)
    assert namespace.time_wait_reuse() == TimeWaitReuse(everywhere=False, on_loopback=True)
    assert namespace.sysctls()["somaxconn"] == 4096


def test_counters(tmp_path: Path) -> None:
    """Counters of TCP and conntrack, and resources, come from the given tree."""
    FakeProcfs(tmp_path).write("thread-self/net/stat/nf_conntrack", "entries drop\n0007 000a\n")
    namespace = Lab(tmp_path).namespace
    statistics = namespace.statistics()
    assert (statistics["ActiveOpens"], statistics["nf_conntrack_drop"]) == (12, 10)
    assert namespace.resources() == (Resource("time_wait_buckets", 2, 262144),)


def test_close() -> None:
    """Closing closes the netlink socket."""
    lab = Lab()
    lab.namespace.bound_sockets()
    lab.namespace.close()
    assert [sock.closed for sock in lab.kernel.opened] == [True]
