"""Sources and samplers for tests: each edge to the kernel may be replaced."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from tcp_pressure_exporter.daemon.collectors import COLLECTORS, wanted_parts
from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally
from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.questions import NO_BIND_TABLE, BindTableSource, Missing, Sources
from tcp_pressure_exporter.facts.sockets import BoundSocket, PortSocket, RemoteEnd
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.facts.tally import (
    NETLINK,
    PoolKey,
    PoolSocket,
    PoolTally,
    RowRules,
    SocketTally,
    TallyRules,
)
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.table import PoolTable
from tcp_pressure_exporter.sample.sample import POOLS
from tcp_pressure_exporter.sampling.host import Wishes
from tcp_pressure_exporter.sampling.parts.part import Kit, Memory, Reading
from tcp_pressure_exporter.sampling.sampler import NamespaceSampler, make_parts
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.bpf.walk.sockets import WalkedSockets
from tcp_pressure_exporter.sources.bpf.walk.tables import Tables
from tcp_pressure_exporter.sources.canary.canary import Canary
from tcp_pressure_exporter.sources.conntrack.table import ConntrackTable
from tcp_pressure_exporter.sources.counting.parser import Parser, best_parser
from tcp_pressure_exporter.sources.netlink.sockets import DiagSocket, NetlinkSockets
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.procfs.resources import ProcNumbers
from tcp_pressure_exporter.sources.procfs.settings import ProcSettings
from tcp_pressure_exporter.sources.systems.linux import interface_name, own_networks
from tcp_pressure_exporter.sources.systems.walks import walked_sockets

PROC = Path("/proc")
Clock = Callable[[], float]


class Namespace:
    """The network namespace of the thread: Linux's sources, and all they can be asked."""

    def __init__(  # noqa: PLR0913, PLR0917 - the edges of the kernel
        self,
        procfs: Path = PROC,
        diag: DiagSocket | None = None,
        clock: Clock = time.monotonic,
        parser: Parser | None = None,
        canary: Canary | None = None,
        conntrack: ConntrackTable | None = None,
        *,
        bound_only: bool = True,
        bind_table: BindTableSource | Missing = NO_BIND_TABLE,
        tables: Tables | None = None,
    ) -> None:
        parser = parser or best_parser()
        netlink = self.netlink = NetlinkSockets(
            parser.tally, parser.tally_bound, diag, clock, bound_only=bound_only
        )
        self.numbers = ProcNumbers(procfs)
        self.sockets: NetlinkSockets | WalkedSockets = netlink
        if tables:
            self.sockets = walked_sockets(tables, parser, netlink, self.numbers, clock)
        self.settings = ProcSettings(procfs)
        self.conntrack = conntrack or ConntrackTable(procfs, parser, by_netlink=True)
        self.sources = Sources(
            counted_by=parser.name,
            settings=self.settings,
            sockets=self.sockets,
            details=self.sockets,
            numbers=self.numbers,
            canary=canary or Canary(procfs),
            nat=self.conntrack,
            interface_name=interface_name,
            own_networks=own_networks,
            bind_table=bind_table,
        )

    def port_range(self) -> PortRange:
        return self.settings.port_range()

    def time_wait_reuse(self) -> TimeWaitReuse:
        return self.settings.time_wait_reuse()

    def sysctls(self) -> Mapping[str, int]:
        return self.settings.sysctls()

    def resources(self) -> tuple[Resource, ...]:
        return self.numbers.resources()

    def statistics(self) -> Mapping[str, int]:
        return self.numbers.statistics()

    def bound_sockets(self) -> list[BoundSocket]:
        return list(self.bound_tally().kept)

    def bound_tally(self, rules: BoundRules = BoundRules()) -> BoundTally:  # noqa: B008 - immutable
        return self.sockets.bound_sockets(rules)

    def tally(self, rules: TallyRules) -> SocketTally:
        return self.sockets.tally(rules)

    def close_wait_ages(self) -> dict[bytes, float]:
        return self.sockets.close_wait_ages()

    def pool_sockets(self, remotes: Sequence[RemoteEnd]) -> list[PoolSocket]:
        return self.sockets.pool_sockets(remotes)

    def port_sockets(self, port: int) -> list[PortSocket]:
        return self.sockets.port_sockets(port)

    def translated(self, rules: RowRules, _clients_of: Sequence[PoolKey] = ()) -> PoolTally:
        return self.conntrack.translated(rules)

    def close(self) -> None:
        self.sources.close()


def sampler_of(
    sources: Sources,
    owners: Owners | None = None,
    collectors: Collection[str] = tuple(COLLECTORS),
    clock: Clock = time.monotonic,
    netns: str = "host",
) -> NamespaceSampler:
    """Return the sampler of some sources, with the parts they can provide."""
    memory = Memory()
    kit = Kit(sources, memory, owners or Owners(Cgroups(), None), clock)
    parts, _missing = make_parts(wanted_parts(collectors), kit)
    return NamespaceSampler(netns, sources, memory, parts, clock)


def given_reading(  # noqa: PLR0913 - what a test wants known
    namespace: Namespace,
    clock: Clock,
    config: Config,
    *,
    tally: SocketTally | None = None,
    rules: TallyRules | None = None,
    outbound: PoolTable | None = None,
) -> Reading:
    """Return a reading of a namespace that already knows what is given."""
    reading = Reading(namespace.sources, Memory(), clock, config)
    if tally:
        reading.tally = Outcome(0.0, tally)
    if rules:
        reading.rules = Outcome(0.0, rules)
    if outbound:
        reading.put(POOLS, Outcome(0.0, {OUTBOUND: outbound}))
    return reading


def wishes(*collectors: str, others: bool = False, source: str = NETLINK) -> Wishes:
    """Return the wish for some collectors of the namespace `host`."""
    return Wishes("host", wanted_parts(collectors), others=others, source=source)
