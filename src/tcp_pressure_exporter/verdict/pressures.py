"""Each finite resource as a pressure: how close to its limit, how bad, by whom, what to do."""

import math
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from tcp_pressure_exporter.facts.sockets import NOBODY
from tcp_pressure_exporter.findings.advice import hidden_port_advice, port_advice
from tcp_pressure_exporter.findings.binding import (
    EXPLICIT_PORTS,
    somebody_binds,
    source_advice,
    source_severity,
)
from tcp_pressure_exporter.findings.kinds import (
    BLOCKED_PORTS,
    CROWDED,
    KINDS,
    LISTEN_QUEUE,
    Severity,
    severity_of,
)
from tcp_pressure_exporter.findings.refusals import REFUSED_BELOW_LIMIT, far_from_full
from tcp_pressure_exporter.pools.directions import INBOUND, NAT, OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.groups import ListedKey
from tcp_pressure_exporter.pools.listing import SeenOwner
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.pools.near_limit.closer_look import CanaryReport, PoolOwners
from tcp_pressure_exporter.pools.near_limit.live_states import StateCount, filling_state
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable, end, pool_name
from tcp_pressure_exporter.pools.usage import Usage, is_mostly
from tcp_pressure_exporter.sample.counted.active_closes import ActiveCloses
from tcp_pressure_exporter.sample.counted.failures import RecentFailures
from tcp_pressure_exporter.sample.counted.pool_owners import named_owners
from tcp_pressure_exporter.sample.counted.refused_pools import refused_pools
from tcp_pressure_exporter.sample.sample import (
    ACTIVE_CLOSES,
    CANARY,
    LIMITS,
    LISTEN_QUEUES,
    LOCAL_PORTS,
    POOL_OWNERS,
    PORT_FAILURES,
    NamespaceSample,
)


class Pressure(NamedTuple):
    """How close one finite resource is to its limit.

    kind: a direction, BLOCKED_PORTS, LISTEN_QUEUE, or the name of a kernel resource. limit: None if
    unknown. name: which one, if there are several. time_wait: ports that only TIME_WAIT holds.
    seconds_left: until it is full, +Inf if that is not in sight, None if not known. refused:
    whether the kernel itself found no port: it was asked (the canary), or refused a connection
    within the last minute. refused_ago: seconds since the last refusal, if ports are free again.
    owners: of a pool, who fills it, as far as known (sample/counted/pool_owners.py); of an accept
    queue, who should be accepting; of blocked ports, who holds how many. steady_state_ratio: what
    the current rate leads to, None if not known. filling: the state of most live sockets of an
    outbound pool (live_states.py), "" if not known. search_seconds: how long the kernel searched
    for a port (the canary), None if it did not. local, remote: the fixed ends of a pool as separate
    texts, "" where they do not apply. blocked: whether most of its ports are blocked for every
    destination. clients: of a nat pool, the names of those that hold most of its ports, with how
    many.
    """

    kind: str
    name: str
    used: int
    limit: int | None
    severity: Severity
    advice: str
    time_wait: int | None = None
    seconds_left: float | None = None
    refused: bool = False
    refused_ago: float = 0.0
    clients: tuple[tuple[str, int], ...] = ()
    owners: tuple[SeenOwner, ...] = ()
    steady_state_ratio: float | None = None
    filling: str = ""
    search_seconds: float | None = None
    local: str = ""
    remote: str = ""
    blocked: bool = False

    @property
    def ratio(self) -> float:
        """Used ÷ limit; 0 where the limit is not known."""
        if self.limit is None:
            return 0.0
        return KINDS[self.kind].ratio(self.used, self.limit)

    @property
    def is_full(self) -> bool:
        """Whether it is, or has just been, without room."""
        return self.refused or self.seconds_left == 0

    @property
    def urgent(self) -> bool:
        """Whether something needs to be done."""
        return self.severity > Severity.CALM

    @property
    def mostly_time_wait(self) -> bool:
        """Whether TIME_WAIT alone holds more than half of what is used."""
        return is_mostly(self.time_wait, self.used)


def pressures(sample: NamespaceSample) -> list[Pressure]:
    """Return the known use of everything finite, the most urgent first."""
    return sorted(
        (*_blocked_ports(sample), *_pools(sample), *_listen_queues(sample), *_limits(sample)),
        key=_urgency,
    )


def _urgency(pressure: Pressure) -> tuple[int, bool, float, bool, float]:
    # Every outbound pool starts with the blocked ports: if those are bad, they are the cause.
    effect = pressure.kind != BLOCKED_PORTS
    left = math.inf if pressure.seconds_left is None else pressure.seconds_left
    # A source pool is as full as its fullest outbound pool, and concerns only applications that
    # bind.
    echo = pressure.kind == SOURCE and pressure.severity > Severity.CALM
    return (-pressure.severity, effect, left, echo, -pressure.ratio)


def _listen_queues(sample: NamespaceSample) -> Iterator[Pressure]:
    queues = sample.value(LISTEN_QUEUES)
    for queue in queues.listed if queues else ():
        known = queue.owner != NOBODY
        owners = (SeenOwner(queue.owner, queue.used),) if known else ()
        found = _pressure(LISTEN_QUEUE, queue.name, queue.used, queue.limit)
        yield found._replace(owners=owners)


def _limits(sample: NamespaceSample) -> Iterator[Pressure]:
    for name, used, limit in sample.value(LIMITS) or ():
        yield _pressure(name, "", used, limit)


def _pressure(kind: str, name: str, used: int, limit: int) -> Pressure:
    severity = severity_of(kind, KINDS[kind].ratio(used, limit), None)
    return Pressure(kind, name, used, limit, severity, KINDS[kind].advice)


def _blocked_ports(sample: NamespaceSample) -> Iterator[Pressure]:
    """Yield the ports that no connect() can choose, if they are many; there may be no pool."""
    ports = sample.value(LOCAL_PORTS)
    if ports is None or ports.blocked_ratio < CROWDED:
        return
    usage = Usage(ports.blocked, ports.choosable, None, None, blocked=ports.blocked)
    left = 0.0 if usage.ratio >= 1 else None
    yield Pressure(
        kind=BLOCKED_PORTS,
        name="",
        used=usage.used,
        limit=usage.limit,
        severity=severity_of(BLOCKED_PORTS, usage.ratio, left),
        advice=port_advice(BLOCKED_PORTS, usage, ports.owners),
        seconds_left=left,
        owners=tuple(SeenOwner(*holder) for holder in ports.owners),
    )


class _Seen(NamedTuple):
    """What a sample shows of its pools besides their use.

    live: the live sockets of outbound pools. searches: how long the kernel searched for a port.
    refusing: the pools in which the canary found none. refused: seconds since the kernel last
    refused a connection, for the pools that did so lately.
    """

    report: CanaryReport | None
    ports: LocalPorts | None
    live: Mapping[ListedKey, PoolOwners]
    searches: Mapping[ListedKey, float | None]
    refusing: Collection[ListedKey]
    refused: Mapping[ListedKey, float]
    closes: ActiveCloses | None
    failures: RecentFailures | None


def _seen(sample: NamespaceSample) -> _Seen:
    report, failures = sample.value(CANARY), sample.value(PORT_FAILURES)
    return _Seen(
        report=report,
        ports=sample.value(LOCAL_PORTS),
        live={found.pool.key: found for found in sample.value(POOL_OWNERS) or ()},
        searches={p.pool.key: p.verdict.seconds for p in report.probes} if report else {},
        refusing={probe.pool.key for probe in report.refusals()} if report else (),
        refused=_refused_keys(sample),
        closes=sample.value(ACTIVE_CLOSES),
        failures=failures.recent if failures else None,
    )


def _refused_keys(sample: NamespaceSample) -> dict[ListedKey, float]:
    """Return the outbound pools that refused a connection lately, and how many seconds ago."""
    failures, table = sample.value(PORT_FAILURES), sample.pool_tables().get(OUTBOUND)
    if failures is None or table is None:
        return {}
    found = refused_pools(table.listed, failures.recent)
    return {refused.pool.key: refused.seconds_ago for refused in found if refused.pool}


def _pools(sample: NamespaceSample) -> Iterator[Pressure]:
    seen = _seen(sample)
    for direction, table in sample.pool_tables().items():
        for pool in table.listed:
            found = _pool(direction, pool, seen)
            if direction == SOURCE:
                found = _if_somebody_binds(found, pool.usage, seen)
            elif direction == OUTBOUND:
                found = _asked_of_kernel(found, pool, table, seen)
            yield found


def _pool(direction: str, pool: ListedPool, seen: _Seen) -> Pressure:
    """Return the pressure that follows from the use of a pool."""
    usage, outlook = pool.usage, pool.outlook
    live = seen.live.get(pool.key, PoolOwners(pool, ())) if direction == OUTBOUND else None
    filling = filling_state(usage, live.states) if live else None
    left = outlook.exhaustion_seconds if outlook else None
    return Pressure(
        kind=direction,
        name=pool_name(direction, pool),
        used=usage.used,
        limit=usage.limit,
        severity=severity_of(direction, usage.ratio, left),
        advice=_advice(direction, pool, filling, seen),
        time_wait=usage.time_wait,
        seconds_left=left,
        clients=tuple(pool.clients),
        owners=named_owners(
            direction, pool, live.owners if live else (), seen.closes, seen.failures
        ),
        steady_state_ratio=outlook.steady_state_ratio if outlook else None,
        filling=filling.state if filling else "",
        local=pool.local_address,
        remote=_remote(direction, pool),
        blocked=usage.mostly_blocked,
    )


def _advice(direction: str, pool: ListedPool, filling: StateCount | None, seen: _Seen) -> str:
    if pool.key.ports:
        return EXPLICIT_PORTS
    bound = seen.report is not None and seen.report.bound_before(pool.usage)
    holders = seen.ports.owners if seen.ports else ()
    return port_advice(direction, pool.usage, holders, bound=bound, filling=filling)


def _if_somebody_binds(found: Pressure, usage: Usage, seen: _Seen) -> Pressure:
    """Return a source pool's pressure: it concerns nobody unless applications bind."""
    hidden = seen.ports.hidden if seen.ports else None
    binds = somebody_binds(seen.report, usage.limit, hidden)
    return found._replace(
        severity=source_severity(usage, binds=binds),
        advice=found.advice if usage.mostly_blocked else source_advice(seen.report, binds=binds),
        seconds_left=0.0 if binds and usage.ratio >= 1 else None,
    )


def _asked_of_kernel(found: Pressure, pool: ListedPool, table: PoolTable, seen: _Seen) -> Pressure:
    """Return an outbound pool's pressure, with what the kernel itself says of its ports."""
    found = found._replace(search_seconds=seen.searches.get(pool.key))
    if pool.key not in seen.refusing and pool.key not in seen.refused:
        return found
    unexplained = pool.key in seen.refused and _unexplained(pool, table, seen)
    found = _refused_by_kernel(found, pool.usage, seen.report, unexplained=unexplained)
    if pool.key in seen.refusing or unexplained or found.ratio >= 1:
        return found
    return found._replace(refused_ago=seen.refused[pool.key])


def _unexplained(pool: ListedPool, table: PoolTable, seen: _Seen) -> bool:
    """Tell whether the ports in use do not explain that a pool refuses connections."""
    exact = seen.ports is not None and seen.ports.hidden is not None
    hidden = 0.0 if exact or seen.report is None else seen.report.hidden_ports or 0.0
    return far_from_full(pool.usage, table.ratio_max_1m, hidden)


def _refused_by_kernel(
    found: Pressure, usage: Usage, report: CanaryReport | None, *, unexplained: bool
) -> Pressure:
    hidden = hidden_port_advice(report, usage) if report else ""
    return found._replace(
        severity=Severity.CRITICAL,
        advice=REFUSED_BELOW_LIMIT.advice if unexplained else hidden or found.advice,
        seconds_left=0.0,
        refused=True,
        blocked=found.blocked or bool(hidden),
    )


def _remote(direction: str, pool: ListedPool) -> str:
    if direction == INBOUND:
        return pool.remote_address
    return end(pool.remote_address, pool.port) if direction in {OUTBOUND, NAT} else ""
