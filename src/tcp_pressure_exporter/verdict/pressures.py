"""Each finite resource as a pressure: how close to its limit, how bad that is, who, what to do."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tcp_pressure_exporter.facts.sockets import NOBODY
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
from tcp_pressure_exporter.pools.directions import OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.pools.near_limit.closer_look import CanaryReport, PoolOwners
from tcp_pressure_exporter.pools.near_limit.live_states import filling_state
from tcp_pressure_exporter.pools.table import ListedPool, pool_name
from tcp_pressure_exporter.pools.usage import Usage, is_mostly
from tcp_pressure_exporter.sample.sample import (
    CANARY,
    LIMITS,
    LISTEN_QUEUES,
    LOCAL_PORTS,
    POOL_OWNERS,
    NamespaceSample,
)
from tcp_pressure_exporter.verdict.held_ports import advice_on, advice_on_hidden


class Pressure(NamedTuple):
    """How close one finite resource is to its limit.

    kind: a direction, BLOCKED_PORTS, LISTEN_QUEUE, or the name of a resource of the kernel.
    limit: None where nobody knows.
    name: which one, where there are several. time_wait: ports that TIME_WAIT alone holds.
    seconds_left: until it is full, +Inf where that is not in sight, None where it is not known.
    refused: the kernel itself found no port (the canary).
    owners: of its live sockets; of an accept queue, who is to accept what waits; of blocked ports,
    who holds how many.
    steady_state_ratio: what today's rate leads to, None where it is not known.
    filling: the state of most live sockets of an outbound pool (live_states.py), "" where it
    is not known.
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
    owners: tuple[OwnerCount, ...] = ()
    steady_state_ratio: float | None = None
    filling: str = ""

    @property
    def ratio(self) -> float:
        """Used ÷ limit; 0 where nobody knows the limit."""
        if self.limit is None:
            return 0.0
        return KINDS[self.kind].ratio(self.used, self.limit)

    @property
    def urgent(self) -> bool:
        """Whether something is to be done."""
        return self.severity > Severity.CALM

    @property
    def mostly_time_wait(self) -> bool:
        """Whether TIME_WAIT alone holds more than half of what is used."""
        return is_mostly(self.time_wait, self.used)


def pressures(sample: NamespaceSample) -> list[Pressure]:
    """Return all that is known to be used of something finite, the most urgent first."""
    return sorted(
        (*_blocked_ports(sample), *_pools(sample), *_listen_queues(sample), *_limits(sample)),
        key=_urgency,
    )


def _urgency(pressure: Pressure) -> tuple[int, bool, float, bool, float]:
    # With blocked ports every outbound pool begins: where these are bad they are the cause.
    effect = pressure.kind != BLOCKED_PORTS
    left = math.inf if pressure.seconds_left is None else pressure.seconds_left
    # A source pool is as full as its fullest outbound pool, and concerns only those who bind.
    echo = pressure.kind == SOURCE and pressure.severity > Severity.CALM
    return (-pressure.severity, effect, left, echo, -pressure.ratio)


def _listen_queues(sample: NamespaceSample) -> Iterator[Pressure]:
    queues = sample.value(LISTEN_QUEUES)
    for queue in queues.listed if queues else ():
        known = queue.owner != NOBODY
        owners = (OwnerCount(queue.owner, queue.used),) if known else ()
        found = _pressure(LISTEN_QUEUE, queue.name, queue.used, queue.limit)
        yield found._replace(owners=owners)


def _limits(sample: NamespaceSample) -> Iterator[Pressure]:
    for name, used, limit in sample.value(LIMITS) or ():
        yield _pressure(name, "", used, limit)


def _pressure(kind: str, name: str, used: int, limit: int) -> Pressure:
    severity = severity_of(kind, KINDS[kind].ratio(used, limit), None)
    return Pressure(kind, name, used, limit, severity, KINDS[kind].advice)


def _blocked_ports(sample: NamespaceSample) -> Iterator[Pressure]:
    """Yield the ports that no connect() can choose, where they are many; there may be no pool."""
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
        advice=advice_on(BLOCKED_PORTS, usage, ports.owners),
        seconds_left=left,
        owners=ports.owners,
    )


def _pools(sample: NamespaceSample) -> Iterator[Pressure]:
    report, ports = sample.value(CANARY), sample.value(LOCAL_PORTS)
    live = {found.pool.key: found for found in sample.value(POOL_OWNERS) or ()}
    refusing = {probe.pool.key for probe in report.refusals()} if report else set()
    holders = ports.owners if ports else ()
    for direction, table in sample.pool_tables().items():
        for pool in table.listed:
            known = live.get(pool.key, PoolOwners(pool, ())) if direction == OUTBOUND else None
            found = _pool(direction, pool, report, holders, known)
            if direction == SOURCE:
                binds = somebody_binds(report, pool.usage.limit, ports.hidden if ports else None)
                found = _if_somebody_binds(found, pool.usage, report, binds=binds)
            elif direction == OUTBOUND and report and pool.key in refusing:
                found = _refused_by_kernel(found, pool.usage, report)
            yield found


def _if_somebody_binds(
    found: Pressure, usage: Usage, report: CanaryReport | None, *, binds: bool | None
) -> Pressure:
    return found._replace(
        severity=source_severity(usage, binds=binds),
        advice=found.advice if usage.mostly_blocked else source_advice(report, binds=binds),
        seconds_left=0.0 if binds and usage.ratio >= 1 else None,
    )


def _refused_by_kernel(found: Pressure, usage: Usage, report: CanaryReport) -> Pressure:
    return found._replace(
        severity=Severity.CRITICAL,
        advice=advice_on_hidden(report, usage) or found.advice,
        seconds_left=0.0,
        refused=True,
    )


def _pool(
    direction: str,
    pool: ListedPool,
    report: CanaryReport | None,
    holders: Sequence[OwnerCount],
    live: PoolOwners | None,
) -> Pressure:
    usage = pool.usage
    filling = filling_state(usage, live.states) if live else None
    bound = report is not None and report.bound_before(usage)
    left = pool.outlook.exhaustion_seconds if pool.outlook else None
    severity = severity_of(direction, usage.ratio, left)
    return Pressure(
        kind=direction,
        name=pool_name(direction, pool),
        used=usage.used,
        limit=usage.limit,
        severity=severity,
        advice=(
            EXPLICIT_PORTS
            if pool.key.ports
            else advice_on(direction, usage, holders, bound=bound, filling=filling)
        ),
        time_wait=usage.time_wait,
        seconds_left=left,
        owners=live.owners if live else (),
        steady_state_ratio=pool.outlook.steady_state_ratio if pool.outlook else None,
        filling=filling.state if filling else "",
    )
