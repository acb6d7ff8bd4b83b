"""A sampler on a fake /proc and a fake sock_diag, and the loop that logs what it takes."""

import errno
from pathlib import Path

from tcp_pressure_exporter.daemon.collectors import COLLECTORS
from tcp_pressure_exporter.pools.table import PoolTable, PoolTables
from tcp_pressure_exporter.sample.sample import POOLS, NamespaceSample, Taken
from tcp_pressure_exporter.sampling.loop import Pace, SamplingLoop
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.conntrack.table import ConntrackTable
from tcp_pressure_exporter.sources.counting.parser import readable_parser
from tcp_pressure_exporter.sources.netlink.socket import coarse_ms
from tcp_pressure_exporter.sources.netlink.sockets import DiagSocket
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tcp_pressure_exporter.sources.owners.owners import Owners
from tests.support.fakes.captured_log import captured_log
from tests.support.fakes.fake_clock import FakeClock
from tests.support.fakes.fake_netlink_socket import FakeKernel, Reply, Request
from tests.support.fakes.fake_procfs import FakeProcfs
from tests.support.fakes.fake_tcp_socket import FakeKernel as FakeTcpKernel
from tests.support.messages.datagrams import CLOSE, ESTABLISHED, LISTEN, TIME_WAIT, Entry
from tests.support.sampled import Namespace, sampler_of

HOST = "10.0.0.2"
BACKEND = "10.0.0.9"
CLIENT = "10.0.0.7"
MAIN_DUMP = 1 << ESTABLISHED  # asked for together with every other state but LISTEN

LISTENERS = [Entry(LISTEN, "0.0.0.0", 443), Entry(LISTEN, "0.0.0.0", 40005)]
BINDERS = [Entry(CLOSE, "127.0.0.1", 40006)]
OUTGOING = [
    Entry(ESTABLISHED, HOST, 40000, BACKEND, 443),
    Entry(TIME_WAIT, HOST, 40001, BACKEND, 443, expires=30_000),
    Entry(TIME_WAIT, "127.0.0.1", 40002, "127.0.0.1", 5432, expires=30_000),
]
ACCEPTED = [
    Entry(ESTABLISHED, HOST, 443, CLIENT, 50000),
    Entry(TIME_WAIT, HOST, 443, CLIENT, 50001, expires=59_000),
]


class FakeHost:
    """Ten ports 40000-40009, the sockets above, and what `take` shows of them.

    ticking: the kernel's timers follow the fake clock; else the machine's, which hardly moves.
    """

    def __init__(self, root: Path, *collectors: str, ticking: bool = False) -> None:
        self.procfs = FakeProcfs(root)
        self.kernel = FakeKernel([*LISTENERS, *OUTGOING, *ACCEPTED], BINDERS)
        self.clock = FakeClock()
        diag = DiagSocket(self.kernel.open, self.clock, self.ticks_ms if ticking else coarse_ms)
        # The compiled parser receives on its own, and only from a real socket.
        self.canary = FakeTcpKernel(root)
        parser = readable_parser()
        conntrack = ConntrackTable(root, parser, by_netlink=False)
        namespace = Namespace(root, diag, self.clock, parser, self.canary.canary, conntrack)
        owners = Owners(Cgroups(root, self.clock), None, self.clock)
        sampler = sampler_of(namespace.sources, owners, collectors or tuple(COLLECTORS), self.clock)
        log, self.logged = captured_log()
        self.loop = SamplingLoop(
            lambda config: Taken((sampler.take(config),)),
            lambda _sample: None,
            Pace(5.0, 1.0),
            Config(),
            log,
        )

    def ticks_ms(self) -> int:
        """Return the time of the kernel's latest tick: the fake clock ticks every millisecond."""
        return round(self.clock.now * 1000)

    def take(self) -> NamespaceSample:
        """Take the next sample, five seconds after the last."""
        self.clock.advance(5)
        [namespace] = self.loop.sample().namespaces
        return namespace

    def refuse(self, states: int) -> None:
        """Let the kernel refuse the dumps that ask for some of the states."""
        refusal = OSError(errno.ENOBUFS, "No buffer space available")

        def fail(request: Request) -> Reply | None:
            return refusal if request.states & states else None

        self.kernel.fail = fail

    def logged_since(self, count: int) -> list[tuple[str, str]]:
        """Return (event, collector) of what was logged after the first `count` lines."""
        return [(line["event"], line["collector"]) for line in self.logged.entries[count:]]


def tables(sample: NamespaceSample) -> dict[str, PoolTable]:
    found: PoolTables = sample.get(POOLS)
    return dict(found)


def listed(sample: NamespaceSample, direction: str) -> list[tuple[str, str, str, int, int, int]]:
    """Return the two addresses and the port, then used, TIME_WAIT and reclaimable ports."""
    return [
        (
            *(pool.local_address, pool.remote_address, pool.port),
            *(pool.usage.used, pool.usage.time_wait or 0, pool.usage.reclaimable or 0),
        )
        for pool in tables(sample)[direction].listed
    ]


def failed(sample: NamespaceSample) -> set[str]:
    return {name for name, outcome in sample.outcomes() if outcome.error}
