"""What a collector's part of a sample is, and the reading it is taken from."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally, QueueKey
from tcp_pressure_exporter.facts.outcome import (
    Incomplete,
    Outcome,
    SettingError,
    SourceError,
    attempt,
)
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.questions import Missing, NumberSource, Sources
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.facts.tally import Edge, NetworkPorts, PoolKey, SocketTally, TallyRules
from tcp_pressure_exporter.pools.local_ports import (
    ServedPorts,
    TallyRequest,
    served_ports,
    states_only_rules,
    tally_rules,
)
from tcp_pressure_exporter.pools.near_limit.take_over import DOUBTFUL_RATIO
from tcp_pressure_exporter.sample.sample import Key
from tcp_pressure_exporter.sample.time_wait_lengths import KnownLengths
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.owners.owners import Owners

Value = TypeVar("Value")


@dataclass(slots=True)
class Memory:
    """What the parts want from the next dump, and what that needs to know about the previous one.

    kept_states: as in TallyRules. edge: of the last dump whose closes were counted.
    watched_outbound, watched_inbound: pools that must have a row. watched_queues: accept queues
    that must be reported. served, held: the served ports, and the local ports that any socket held
    (pools/local_ports.py). accepted: ports at which connections were accepted although nothing
    listens there; None before the first dump. lengths: of TIME_WAIT.
    """

    kept_states: int = 0
    edge: Edge | None = None
    watched_outbound: Collection[PoolKey] = ()
    watched_inbound: Collection[PoolKey] = ()
    watched_queues: Collection[QueueKey] = ()
    served: ServedPorts | None = None
    held: int = 0
    accepted: int | None = None
    lengths: KnownLengths = field(default_factory=KnownLengths)


class Reading:
    """The outcomes of one namespace's sources at one moment, and of the parts taken so far."""

    def __init__(
        self, sources: Sources, memory: Memory, clock: Callable[[], float], config: Config
    ) -> None:
        self._sources = sources
        self._memory = memory
        self._clock = clock
        self._taken: dict[str, Outcome[Any]] = {}
        self.config = config

    def now(self) -> float:
        """Return the time on the sampler's clock, in seconds."""
        return self._clock()

    def taken(self, key: Key[Value]) -> Outcome[Value] | None:
        """Return the outcome of another part; None where it is off, or not yet taken."""
        return self._taken.get(key.name)

    def get(self, key: Key[Value]) -> Value:
        """Return the value of a part that the caller needs; raises its SourceError."""
        outcome: Outcome[Value] = self._taken[key.name]
        return outcome.get()

    def put(self, key: Key[Value], outcome: Outcome[Value]) -> None:
        """Keep the outcome of a part for those taken after it."""
        self._taken[key.name] = outcome

    @property
    def system(self) -> str:
        """The system whose settings these are."""
        return self._sources.settings.system

    def interface_name(self, index: int) -> str:
        """Return the name of an interface, or its index where it is gone."""
        return self._sources.interface_name(index)

    @cached_property
    def settings(self) -> Outcome[PortRange]:
        """The local port range."""
        return attempt(lambda: _setting(self._sources.settings.port_range), self._clock)

    @cached_property
    def bound(self) -> Outcome[BoundTally]:
        """Listening and bound-only sockets: read before the others, as they reveal their roles."""
        settings = self.settings.value
        usable = settings.usable if settings else 0
        rules = BoundRules(usable, self._memory.watched_queues, self._bound_only(usable))
        return attempt(lambda: self._sources.sockets.bound_sockets(rules), self._clock)

    def _bound_only(self, usable: int) -> int | None:
        """Return the ports that may have sockets that are only bound; None where that is not known.

        They are the ports that were bound but that no connection held in the previous sample. This
        misses a socket bound next to a connection, but its port counts anyway if both are at the
        same address.
        """
        skipped = self.skipped.value if self.skipped else None
        return None if skipped is None else usable & skipped & ~self._memory.held

    @cached_property
    def resources(self) -> Outcome[tuple[Resource, ...]]:
        """The finite resources other than ports."""
        return attempt(lambda: self._numbers().resources(), self._clock)

    @cached_property
    def statistics(self) -> Outcome[Mapping[str, int]]:
        """The kernel's counters."""
        return attempt(lambda: self._numbers().statistics(), self._clock)

    @cached_property
    def sysctls(self) -> Outcome[Mapping[str, int]]:
        """The TCP settings."""
        return attempt(self._sources.settings.sysctls, self._clock)

    @cached_property
    def served(self) -> ServedPorts:
        """The served ports, remembered for the next reading; raises SourceError."""
        memory = self._memory
        serving = self.bound.get().listening | (memory.accepted or 0)
        memory.served = served_ports(memory.served or {}, serving, memory.held, self._clock())
        return memory.served

    @cached_property
    def skipped(self) -> Outcome[int] | None:
        """The ports that connect() passes over; None where the kernel's table is not read."""
        table = self._sources.bind_table
        return None if isinstance(table, Missing) else attempt(table.skipped_ports, self._clock)

    @cached_property
    def rules(self) -> Outcome[TallyRules]:
        """The rules that follow from the settings."""
        return attempt(self._rules, self._clock)

    def _rules(self) -> TallyRules:
        settings, reuse = self.settings.get(), _setting(self._sources.settings.time_wait_reuse)
        memory = self._memory
        memory.lengths = memory.lengths.with_setting(reuse.lengths.longer_ms, self._clock())
        reuse = replace(reuse, lengths=memory.lengths.lengths)
        return tally_rules(settings, reuse, self.bound.get(), self.served, self._request)

    @cached_property
    def tally(self) -> Outcome[SocketTally]:
        """The aggregates over all other sockets; without settings, only of their states."""
        return attempt(self._tally, self._clock)

    def _tally(self) -> SocketTally:
        """Count all sockets.

        The first count may show ports at which connections were accepted although nothing listens
        there: if so, it is made again with them. Later, such a port counts from the next sample on.
        """
        first = self._memory.accepted is None
        tally = self._count()
        if first and tally.accepted:
            # Never two of them at once: each may take several megabytes.
            del self.served, self.rules, tally
            tally = self._count()
        return tally

    def _count(self) -> SocketTally:
        rules = self.rules.value or states_only_rules(self.served, self._request)
        tally = self._dump(rules)
        lengths = self._memory.lengths.lengths
        if self.rules.value and lengths != rules.reuse.lengths:
            # Its entries showed that it was counted with a wrong length; now a better one is known.
            rules = replace(rules, reuse=replace(rules.reuse, lengths=lengths))
            self.rules = replace(self.rules, value=rules)
            del tally
            tally = self._dump(rules)
        self._memory.held = tally.held
        known = (self._memory.accepted or 0) & tally.held
        self._memory.accepted = tally.accepted | known
        return tally

    def _dump(self, rules: TallyRules) -> SocketTally:
        began = self._clock()
        tally = self._sources.sockets.tally(rules)
        memory = self._memory
        memory.lengths = memory.lengths.with_shown(tally.longest_left_ms, began, self._clock())
        return tally

    @property
    def _request(self) -> TallyRequest:
        memory = self._memory
        return TallyRequest(
            since=memory.edge,
            kept_states=memory.kept_states,
            min_ratio=self.config.listing.leave_ratio,
            near_ratio=DOUBTFUL_RATIO,
            watched_outbound=memory.watched_outbound,
            watched_inbound=memory.watched_inbound,
            own=self._own_networks(),
            sources=self.config.sources.ranges,
            groups=self.config.groups,
            skipped=self.skipped.value if self.skipped else None,
        )

    def _own_networks(self) -> Sequence[NetworkPorts]:
        """Return this host's networks if it may accept connections at other addresses too."""
        return self._sources.own_networks() if self.bound.get().transparent else ()

    def _numbers(self) -> NumberSource:
        numbers = self._sources.numbers
        if isinstance(numbers, Missing):
            raise SourceError("kernel's numbers", numbers.reason)
        return numbers


def _setting(read: Callable[[], Value]) -> Value:
    """Return what `read` returns; raises SettingError."""
    try:
        return read()
    except SourceError as error:
        raise SettingError(error.operation, error.reason) from error


Value_co = TypeVar("Value_co", covariant=True)


class Part(Protocol[Value_co]):
    """One collector's part of the samples of one network namespace.

    It may remember what it needs from one sample to the next.
    """

    @property
    def needs(self) -> Sequence[Key[Any]]:
        """The parts that this one needs; they are taken first."""

    def take(self, reading: Reading) -> Value_co | Incomplete[Value_co]:
        """Return the value of this sample; raises SourceError."""


@dataclass(frozen=True, slots=True)
class Asked(Generic[Value]):
    """A part that takes its value from a reading and remembers nothing."""

    read: Callable[[Reading], Value]
    needs: Sequence[Key[Any]] = ()

    def take(self, reading: Reading) -> Value:
        """Return the value; raises SourceError."""
        return self.read(reading)


@dataclass(frozen=True, slots=True)
class Kit:
    """What a part may be made from: the sources of its namespace, and what parts share.

    memory: what is kept from dump to dump. owners: of all namespaces. procfs: where it is mounted.
    own: whether the sources are those of the exporter's own namespace.
    """

    sources: Sources
    memory: Memory
    owners: Owners
    clock: Callable[[], float]
    procfs: Path = Path("/proc")
    own: bool = True


MakePart = Callable[[Kit], "Part[Any] | Missing"]
