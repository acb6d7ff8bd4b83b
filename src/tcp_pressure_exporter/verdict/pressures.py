"""Each finite resource as a pressure: how close to its limit, how bad, by whom, what to do."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tcp_pressure_exporter.facts.sockets import NOBODY
from tcp_pressure_exporter.findings.binding import (
    EXPLICIT_PORTS,
    SUBFLOWS_BIND,
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
from tcp_pressure_exporter.pools.listing import OwnerCount, SeenOwner
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.pools.near_limit.closer_look import CanaryReport, PoolOwners
from tcp_pressure_exporter.pools.near_limit.live_states import StateCount, filling_state
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable, end, pool_name
from tcp_pressure_exporter.pools.usage import Usage, is_mostly
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
        advice=advice_on(BLOCKED_PORTS, usage, ports.owners),
        seconds_left=left,
        owners=tuple(SeenOwner(*holder) for holder in ports.owners),
    )


def _pools(sample: NamespaceSample) -> Iterator[Pressure]:
    report, ports = sample.value(CANARY), sample.value(LOCAL_PORTS)
    live = {found.pool.key: found for found in sample.value(POOL_OWNERS) or ()}
    closes, failures = sample.value(ACTIVE_CLOSES), sample.value(PORT_FAILURES)
    recent = failures.recent if failures else None
    searches = {probe.pool.key: probe.verdict.seconds for probe in report.probes} if report else {}
    refusing = {probe.pool.key for probe in report.refusals()} if report else set()
    holders = ports.owners if ports else ()
    refused = _refused_keys(sample)
    for direction, table in sample.pool_tables().items():
        for pool in table.listed:
            known = live.get(pool.key, PoolOwners(pool, ())) if direction == OUTBOUND else None
            found = _pool(direction, pool, report, holders, known)
            if direction == SOURCE:
                binds = somebody_binds(report, pool.usage.limit, ports.hidden if ports else None)
                found = _if_somebody_binds(found, pool.usage, report, binds=binds)
            elif direction == OUTBOUND and pool.key in refusing | refused.keys():
                unexplained = pool.key in refused and _unexplained(pool, table, report, ports)
                found = _refused_by_kernel(found, pool.usage, report, unexplained=unexplained)
                if pool.key not in refusing and not unexplained and found.ratio < 1:
                    found = found._replace(refused_ago=refused[pool.key])
            yield found._replace(
                search_seconds=searches.get(pool.key) if direction == OUTBOUND else None,
                owners=named_owners(direction, pool, known.owners if known else (), closes, recent),
            )


def _refused_keys(sample: NamespaceSample) -> dict[ListedKey, float]:
    """Return the outbound pools that refused a connection lately, and how many seconds ago."""
    failures, table = sample.value(PORT_FAILURES), sample.pool_tables().get(OUTBOUND)
    if failures is None or table is None:
        return {}
    found = refused_pools(table.listed, failures.recent)
    return {refused.pool.key: refused.seconds_ago for refused in found if refused.pool}


def _unexplained(
    pool: ListedPool, table: PoolTable, report: CanaryReport | None, ports: LocalPorts | None
) -> bool:
    """Tell whether the ports in use do not explain that a pool refuses connections."""
    exact = ports is not None and ports.hidden is not None
    hidden = 0.0 if exact or report is None else report.hidden_ports or 0.0
    return far_from_full(pool.usage, table.ratio_max_1m, hidden)


def _if_somebody_binds(
    found: Pressure, usage: Usage, report: CanaryReport | None, *, binds: bool | None
) -> Pressure:
    return found._replace(
        severity=source_severity(usage, binds=binds),
        advice=found.advice if usage.mostly_blocked else source_advice(report, binds=binds),
        seconds_left=0.0 if binds and usage.ratio >= 1 else None,
    )


def _refused_by_kernel(
    found: Pressure, usage: Usage, report: CanaryReport | None, *, unexplained: bool
) -> Pressure:
    hidden = advice_on_hidden(report, usage) if report else ""
    return found._replace(
        severity=Severity.CRITICAL,
        advice=REFUSED_BELOW_LIMIT.advice if unexplained else hidden or found.advice,
        seconds_left=0.0,
        refused=True,
        blocked=found.blocked or bool(hidden),
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
        steady_state_ratio=pool.outlook.steady_state_ratio if pool.outlook else None,
        filling=filling.state if filling else "",
        local=pool.local_address,
        remote=_remote(direction, pool),
        blocked=usage.mostly_blocked,
        clients=tuple(pool.clients),
    )


def _remote(direction: str, pool: ListedPool) -> str:
    if direction == INBOUND:
        return pool.remote_address
    return end(pool.remote_address, pool.port) if direction in {OUTBOUND, NAT} else ""


def advice_on(
    kind: str,
    usage: Usage,
    holders: Sequence[OwnerCount],
    *,
    bound: bool = False,
    filling: StateCount | None = None,
) -> str:
    """Return what to do about ports of a kind, naming holders and numbers if most are blocked.

    holders: the owners of the blocked ports. bound, filling: as in Kind.advice_for.
    """
    advice = KINDS[kind].advice_for(usage, bound=bound, filling=filling)
    return f"{_held(usage, holders)} {advice}" if usage.mostly_blocked else advice


# Besides each additional subflow, its connection has a first one, whose port is not hidden.
SUBFLOWS_SHARE = 0.3


def advice_on_hidden(report: CanaryReport, usage: Usage) -> str:
    """Return what to do if sockets bound before connect() leave no port; otherwise "".

    Such ports are blocked for every destination. If they are most of a pool's ports, neither more
    addresses nor fewer connections to this destination help.
    """
    if report.subflows_hide and report.all_hidden >= SUBFLOWS_SHARE * (usage.limit or 0):
        about = "About " if report.known_hidden is None else ""
        return f"{about}{report.all_hidden:,.0f} of {usage.limit:,} {SUBFLOWS_BIND}"
    hidden = report.hidden_ports or 0.0
    if not is_mostly(hidden, usage.limit):
        return ""
    held = f"About {hidden:,.0f} of {usage.limit:,} ports belong to sockets bound before connect()."
    return f"{held} {KINDS[BLOCKED_PORTS].advice}"


def _held(usage: Usage, holders: Sequence[OwnerCount]) -> str:
    held = f"{usage.blocked:,} of {usage.limit:,} ports are bound or listened on"
    if not holders:
        return f"{held}."
    owner, ports = holders[0]
    return f"{held}, most by {owner.process or owner.service} ({ports:,})."
