"""One finished sample: frozen, so that a scrape can read it while the next one is taken."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, NamedTuple, TypeVar

from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.findings.finding import FindingState
from tcp_pressure_exporter.pools.directions import NAT
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.pools.near_limit.closer_look import CanaryReport, PoolOwners
from tcp_pressure_exporter.pools.table import PoolTable, PoolTables
from tcp_pressure_exporter.sample.close_wait import CloseWait
from tcp_pressure_exporter.sample.counted.active_closes import ActiveCloses
from tcp_pressure_exporter.sample.counted.failures import PortFailures
from tcp_pressure_exporter.sample.counted.refused_pools import with_refusals
from tcp_pressure_exporter.sample.namespaces import Census, Elsewhere
from tcp_pressure_exporter.sample.sockets import ListenQueues, SocketStates

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Key(Generic[Value]):
    """Names a collector's part of a sample, and gives the type of its value."""

    name: str


SOCKETS: Key[SocketStates] = Key("sockets")
LOCAL_PORTS: Key[LocalPorts] = Key("local_ports")
POOLS: Key[PoolTables] = Key("pools")
ACTIVE_CLOSES: Key[ActiveCloses] = Key("active_closes")
PORT_FAILURES: Key[PortFailures] = Key("failures")
NAT_POOLS: Key[PoolTable] = Key("nat")
CANARY: Key[CanaryReport] = Key("canary")
POOL_OWNERS: Key[tuple[PoolOwners, ...]] = Key("pool_owners")
CLOSE_WAIT: Key[CloseWait] = Key("close_wait")
LISTEN_QUEUES: Key[ListenQueues] = Key("listen_queues")
LIMITS: Key[tuple[Resource, ...]] = Key("limits")
KERNEL_EVENTS: Key[Mapping[str, int]] = Key("kernel_events")
SYSCTLS: Key[Mapping[str, int]] = Key("sysctls")
FINDINGS: Key[tuple[FindingState, ...]] = Key("findings")


@dataclass(frozen=True, slots=True)
class NamespaceSample:
    """What one network namespace showed: the outcome of each collector's part that was taken."""

    netns: str
    parts: Mapping[Key[Any], Outcome[Any]] = field(default_factory=dict)

    def outcome(self, key: Key[Value]) -> Outcome[Value] | None:
        """Return the outcome of a part; None where its collector is off."""
        return self.parts.get(key)

    def value(self, key: Key[Value]) -> Value | None:
        """Return the value of a part; None where its collector is off, or failed."""
        outcome = self.outcome(key)
        return outcome.value if outcome else None

    def get(self, key: Key[Value]) -> Value:
        """Return the value of a part that was taken; raises SourceError where there is none."""
        outcome: Outcome[Value] = self.parts[key]
        return outcome.get()

    def pool_tables(self) -> PoolTables:
        """Return the pools of every known direction; those that now refuse connections are full."""
        pools: PoolTables | None = self.value(POOLS)
        failures = self.value(PORT_FAILURES)
        tables = dict(with_refusals(pools or {}, failures.recent) if failures else pools or {})
        nat = self.value(NAT_POOLS)
        return tables | {NAT: nat} if nat else tables

    def outcomes(self) -> Iterator[tuple[str, Outcome[object]]]:
        """Yield (collector, outcome) of the collectors that are on."""
        return ((key.name, outcome) for key, outcome in self.parts.items())

    def expired(self) -> "NamespaceSample":
        """Return the same namespace with every outcome failed as too old to be shown."""
        reason = SourceError("sample", "older than three intervals")
        failed: dict[Key[Any], Outcome[Any]] = {
            key: Outcome(outcome.seconds, error=reason) for key, outcome in self.parts.items()
        }
        return NamespaceSample(self.netns, failed)


LeftOut = tuple[tuple[str, str], ...]
PROCESS_NAMES = "process names"  # what is left out where they may not be looked up


class Taken(NamedTuple):
    """The result of one pass over the namespaces: the exporter's own first, then the others.

    census: how many others there are, None where they are not sampled or could not be found.
    elsewhere: those not looked at, None where they were not counted. left_out: (what, why) for
    anything else that this pass did not reach.
    """

    namespaces: tuple[NamespaceSample, ...]
    census: Census | None = None
    elsewhere: Elsewhere | None = None
    left_out: LeftOut = ()


def unseen(seen: "Taken | Sample") -> int:
    """Return how many other namespaces may be in trouble unseen: all not known to be quiet."""
    elsewhere, census = seen.elsewhere or Elsewhere(), seen.census or Census()
    return elsewhere.namespaces + census.unlisted + census.unreadable


def not_reached(seen: "Taken | Sample") -> LeftOut:
    """Return everything that a pass did not reach: (what, why)."""
    elsewhere = (seen.elsewhere or Elsewhere())._replace(namespaces=unseen(seen))
    return (*elsewhere.left_out(), *seen.left_out)


@dataclass(frozen=True, slots=True)
class Sample:
    """All namespaces at one moment.

    timestamp: seconds since the epoch when sampling began; started: the same moment in seconds
    since boot, suspends included. cpu_seconds: the CPU time it took for all namespaces together.
    interval: seconds until the next sample begins; at least the configured one.
    census, elsewhere, left_out: as in Taken.
    """

    timestamp: float
    started: float
    cpu_seconds: float
    interval: float
    configured_interval: float
    namespaces: tuple[NamespaceSample, ...]
    census: Census | None = None
    elsewhere: Elsewhere | None = None
    left_out: LeftOut = ()

    def other_namespaces(self) -> Mapping[str, int]:
        """Return how many other namespaces there are, by what happens to them, as far as known."""
        counts = self.census._asdict() if self.census else {}
        unseen = self.elsewhere.number if self.elsewhere else None
        return counts if unseen is None else counts | {"not_looked_at": unseen}

    def expired(self) -> "Sample":
        """Return the sample without its numbers, which are too old to be shown."""
        namespaces = tuple(namespace.expired() for namespace in self.namespaces)
        return replace(self, namespaces=namespaces, census=None, elsewhere=None)
