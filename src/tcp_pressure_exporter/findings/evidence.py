"""What the findings are based on: the settings of a network namespace, and what it shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import NamedTuple

from tcp_pressure_exporter.facts.bound import BoundTally
from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.sockets import BoundSocket, Owner, SocketId
from tcp_pressure_exporter.facts.system import LINUX, Resource
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.near_limit.closer_look import CanaryReport, PoolOwners
from tcp_pressure_exporter.pools.near_limit.live_states import FIN_WAIT2_ORPHAN, filling_state
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable, PoolTables
from tcp_pressure_exporter.pools.usage import Usage

REMEMBERED = 600.0  # seconds
LATELY = 60.0  # seconds


class Rise(NamedTuple):
    """How much counters rose from one sample to the next, and when these were taken."""

    begin: float
    end: float
    amounts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class EventRises:
    """The counters as of the last sample, when each last rose, and by how much lately.

    Times are seconds on a clock. since: of the first sample, now: of the last one.
    """

    counters: Mapping[str, int] = field(default_factory=dict)
    rose: Mapping[str, float] = field(default_factory=dict)
    lately: tuple[Rise, ...] = ()
    since: float | None = None
    now: float = 0.0

    def after(self, counters: Mapping[str, int], now: float) -> "EventRises":
        """Return what is known after another sample."""
        risen = {
            event: count - self.counters[event]
            for event, count in counters.items()
            if count > self.counters.get(event, count)
        }
        recent = {event: at for event, at in self.rose.items() if now - at < REMEMBERED}
        lately = tuple(rise for rise in self.lately if now - rise.end < LATELY)
        if risen:
            lately = (*lately, Rise(self.now, now, risen))
        return EventRises(
            counters=dict(counters),
            rose=recent | dict.fromkeys(risen, now),
            lately=lately,
            since=now if self.since is None else self.since,
            now=now,
        )

    @property
    def recent(self) -> frozenset[str]:
        """The events that rose between samples of the last ten minutes."""
        return frozenset(self.rose)

    @property
    def seconds(self) -> float:
        """The time that `risen` covers: about a minute, or less after few samples."""
        if self.since is None:
            return 0.0
        begin = min([self.now - LATELY, *(rise.begin for rise in self.lately)])
        return self.now - max(begin, self.since)

    def risen(self, event: str) -> int:
        """Return how much a counter rose in the last minute."""
        return sum(rise.amounts.get(event, 0) for rise in self.lately)


class QueuePeak(NamedTuple):
    """The accept queue that was fullest in the last minute.

    ratio_1m: how full it was; ratio: how full the fullest is now.
    """

    name: str
    ratio_1m: float
    ratio: float


class RefusedPool(NamedTuple):
    """Fixed ends between which the kernel lately refused connections for lack of a port.

    connections: those of the last `seconds`. pool: None if it is not listed. seconds_ago: when the
    last one was refused.
    """

    name: str
    connections: int
    seconds: float
    pool: ListedPool | None
    seconds_ago: float = 0.0

    @property
    def usage(self) -> Usage | None:
        """What the pool uses, None if it is not listed."""
        return self.pool.usage if self.pool else None


class NotAskedError(Exception):
    """A finding needs a collector that is off, or something that this kernel does not tell."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The outcomes of the sources; None for collectors that are off.

    rises: for the counters that findings need (DROP_EVENTS, REJECTIONS, RECYCLED). owners: of the
    listeners in the port range. pool_owners: which live sockets fill the pools near their limit.
    system: the system whose settings they are, by facts/system.py. hidden: the number of hidden
    ports (LocalPorts) if known exactly. refusals: None where they are not counted.
    """

    sysctls: Outcome[Mapping[str, int]]
    rises: Outcome[EventRises]
    resources: Outcome[tuple[Resource, ...]]
    settings: Outcome[PortRange]
    bound: Outcome[BoundTally]
    pools: Outcome[PoolTables] | None
    canary: Outcome[CanaryReport] | None
    owners: Mapping[SocketId, Owner] = field(default_factory=dict)
    queue_peak: Outcome[QueuePeak] | None = None
    pool_owners: Outcome[tuple[PoolOwners, ...]] | None = None
    system: str = LINUX
    hidden: int | None = None
    refusals: Outcome[tuple[RefusedPool, ...]] | None = None

    def sysctl(self, name: str) -> int | None:
        """Return a sysctl, None if the kernel does not have it; raises SourceError."""
        return self.sysctls.get().get(name)

    def outbound(self) -> PoolTable:
        """Return the outbound pools; raises SourceError, NotAskedError."""
        if self.pools is None:
            raise NotAskedError
        return self.pools.get()[OUTBOUND]

    def hidden_ports(self) -> float:
        """Return the number of hidden ports, or its estimate.

        It is 0 if no pool is full enough to ask about. Raises SourceError, or NotAskedError if the
        kernel did not tell.
        """
        if self.hidden is not None:
            return self.hidden
        if self.canary is None or self.canary.get().no_estimate:
            raise NotAskedError
        return self.canary.get().hidden_ports or 0.0

    def estimated_hidden(self) -> float:
        """Return the estimate of hidden ports if these do not count as used; otherwise 0."""
        report = self.canary.value if self.canary and self.hidden is None else None
        return (report.hidden_ports or 0.0) if report else 0.0

    def refused(self) -> tuple[RefusedPool, ...]:
        """Return where connections were refused lately; raises SourceError, NotAskedError."""
        if self.refusals is None:
            raise NotAskedError
        return self.refusals.get()

    def fullest_queue(self) -> QueuePeak:
        """Return the accept queue that was fullest; raises SourceError, NotAskedError."""
        if self.queue_peak is None:
            raise NotAskedError
        return self.queue_peak.get()

    def subflows_hide(self) -> bool:
        """Tell whether most hidden ports may belong to MPTCP subflows."""
        report = self.canary.value if self.canary else None
        return report is not None and report.subflows_hide

    def filling(self, pool: ListedPool) -> str:
        """Return the state of the live sockets that fill a pool, "" if not known.

        Names are those in pools/near_limit/live_states.py; only pools near their limit are
        examined.
        """
        near = self.pool_owners.value if self.pool_owners else None
        for found in near or ():
            state = filling_state(found.pool.usage, found.states)
            if found.pool.key == pool.key and state:
                return state.state
        return ""

    def orphans_fill_a_pool(self) -> bool:
        """Tell whether a pool near its limit is known to be full of orphans in FIN_WAIT2."""
        near = self.pool_owners.value if self.pool_owners else None
        return any(self.filling(found.pool) == FIN_WAIT2_ORPHAN for found in near or ())

    def bound_before(self, pool: ListedPool) -> bool:
        """Tell whether most of a pool's TIME_WAIT is known to be from sockets that were bound."""
        report = self.canary.value if self.canary else None
        return report is not None and report.bound_before(pool.usage)

    def listeners_in_range(self) -> list[BoundSocket]:
        """Return some sockets that listen on a port the kernel may choose; raises SourceError.

        They are sorted by port, lowest first.
        """
        return listeners_in_range(self.settings.get(), self.bound.get())

    def listening_in_range(self) -> int:
        """Return how many usable ports have a listening socket; raises SourceError."""
        return (self.settings.get().usable & self.bound.get().listening).bit_count()


MAX_LISTENERS = 4_096  # whose owners are looked up


def listeners_in_range(settings: PortRange, bound: BoundTally) -> list[BoundSocket]:
    """Return the first MAX_LISTENERS sockets that listen on a usable local port, by port."""
    usable = settings.usable
    inside = (s for s in bound.kept if s.listening and usable >> s.port & 1)
    return nsmallest(MAX_LISTENERS, inside, key=lambda socket: socket.port)
