"""The findings of a namespace, evaluated in each sample, with the counters that rose lately."""

from collections.abc import Collection, Mapping

from tcp_pressure_exporter.facts.outcome import Incomplete, Outcome
from tcp_pressure_exporter.facts.sockets import Owner, SocketId
from tcp_pressure_exporter.findings.drops import DROP_EVENTS
from tcp_pressure_exporter.findings.evidence import (
    EventRises,
    Evidence,
    QueuePeak,
    RefusedPool,
    listeners_in_range,
)
from tcp_pressure_exporter.findings.finding import FindingState
from tcp_pressure_exporter.findings.ports import RECYCLED
from tcp_pressure_exporter.findings.protection import REJECTIONS
from tcp_pressure_exporter.findings.table import evaluate
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.pools.table import PoolTables
from tcp_pressure_exporter.sample.counted.failures import PortFailures
from tcp_pressure_exporter.sample.counted.refused_pools import refused_pools
from tcp_pressure_exporter.sample.sample import (
    CANARY,
    LISTEN_QUEUES,
    LOCAL_PORTS,
    POOL_OWNERS,
    POOLS,
    PORT_FAILURES,
)
from tcp_pressure_exporter.sample.sockets import ListenQueues
from tcp_pressure_exporter.sampling.parts.part import Kit, Reading
from tcp_pressure_exporter.sources.owners.owners import Owners

States = tuple[FindingState, ...]
REFUSALS = (*DROP_EVENTS, *REJECTIONS)
REMEMBERED = (*REFUSALS, RECYCLED)


def refusals(statistics: Mapping[str, int]) -> dict[str, int]:
    """Return the kernel's counters of what it drops or refuses."""
    return _chosen(statistics, REFUSALS)


def _chosen(statistics: Mapping[str, int], events: Collection[str]) -> dict[str, int]:
    return {event: statistics[event] for event in events if event in statistics}


class FindingsPart:
    """Remembers which of the kernel's counters rose lately, and by how much."""

    needs = ()

    def __init__(self, owners: Owners) -> None:
        self._owners = owners
        self._rises = EventRises()

    def take(self, reading: Reading) -> States | Incomplete[States]:
        """Return the findings that can be evaluated, and why the others cannot."""
        evidence = Evidence(
            sysctls=reading.sysctls,
            rises=self._risen(reading.statistics, reading.now()),
            resources=reading.resources,
            settings=reading.settings,
            bound=reading.bound,
            pools=reading.taken(POOLS),
            canary=reading.taken(CANARY),
            owners=self._listeners(reading),
            queue_peak=_peak(reading.taken(LISTEN_QUEUES)),
            pool_owners=reading.taken(POOL_OWNERS),
            system=reading.system,
            hidden=_hidden(reading.taken(LOCAL_PORTS)),
            refusals=_refused(reading.taken(PORT_FAILURES), reading.taken(POOLS)),
        )
        states, error = evaluate(evidence)
        return states if error is None else Incomplete(states, error)

    def _risen(self, statistics: Outcome[Mapping[str, int]], now: float) -> Outcome[EventRises]:
        if statistics.value is None:
            return Outcome(statistics.seconds, error=statistics.error)
        self._rises = self._rises.after(_chosen(statistics.value, REMEMBERED), now)
        return Outcome(statistics.seconds, self._rises)

    def _listeners(self, reading: Reading) -> Mapping[SocketId, Owner]:
        settings, bound = reading.settings.value, reading.bound.value
        if settings is None or bound is None:
            return {}  # their finding cannot be evaluated either
        ids = {socket.owner_id for socket in listeners_in_range(settings, bound)}
        self._owners.look_up(ids)
        return {socket_id: self._owners.owner(socket_id) for socket_id in ids}


def _hidden(ports: Outcome[LocalPorts] | None) -> int | None:
    return ports.value.hidden if ports and ports.value else None


def _refused(
    failures: Outcome[PortFailures] | None, pools: Outcome[PoolTables] | None
) -> Outcome[tuple[RefusedPool, ...]] | None:
    if failures is None:
        return None
    if failures.value is None:
        return Outcome(failures.seconds, error=failures.error)
    # Without pools the finding cannot be evaluated either.
    listed = pools.value[OUTBOUND].listed if pools and pools.value else ()
    return Outcome(failures.seconds, refused_pools(listed, failures.value.recent))


def _peak(queues: Outcome[ListenQueues] | None) -> Outcome[QueuePeak] | None:
    if queues is None:
        return None
    found = queues.value
    if found is None:
        return Outcome(queues.seconds, error=queues.error)
    peak = QueuePeak(found.fullest_1m, found.ratio_max_1m, found.ratio_max)
    return Outcome(queues.seconds, peak)


def findings_part(kit: Kit) -> FindingsPart:
    """Return the part; the table of findings says which apply to a system."""
    return FindingsPart(kit.owners)
