"""The pools of one direction as published: totals over all of them, and the fullest."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tcp_pressure_exporter.facts.addresses import format_address
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.pools.directions import INBOUND, NAT, OUTBOUND, DirectionPools
from tcp_pressure_exporter.pools.forecast import Outlook, exhaustion, outlook
from tcp_pressure_exporter.pools.groups import (
    Grouping,
    GroupKey,
    ListedKey,
    RemoteGroups,
    group_pools,
)
from tcp_pressure_exporter.pools.listing import ListingRule, select
from tcp_pressure_exporter.pools.memory import PoolHistory, PoolMemory, raised
from tcp_pressure_exporter.pools.scopes import ScopeName, scoped_address
from tcp_pressure_exporter.pools.usage import Usage, peak_closes


class ClientPorts(NamedTuple):
    """A client of a NAT gateway, by its address, and how many ports of a pool it holds."""

    address: str
    ports: int


@dataclass(frozen=True, slots=True)
class ListedPool:
    """One pool with its labels; an end that does not apply is empty.

    entered_total: its closes since it was first listed.
    outlook: None where it is not known when its ports were closed.
    clients: for a NAT pool, those that hold most of its ports; none where that was not counted.
    """

    key: ListedKey
    local_address: str
    remote_address: str
    port: str
    usage: Usage
    entered_total: int = 0
    outlook: Outlook | None = None
    clients: tuple[ClientPorts, ...] = ()


class Churn(NamedTuple):
    """What TIME_WAIT tells about all pools of a direction together.

    entered_total: closes since the start. peak_closes: the most in any one second of the last
    minute. exhaustion_seconds: until the first of the pools is full, +Inf where that is not in
    sight; 0 where even a new one would be full.
    """

    entered_total: int
    peak_closes: int
    exhaustion_seconds: float


@dataclass(frozen=True, slots=True)
class PoolTable:
    """The pools of one direction.

    count and ratio_max cover every single pool, listed or not, before addresses are added up into
    groups, so that one full address is not averaged away; ratio_max_1m is the highest ratio_max in
    the samples of the last minute. ratio_max is at least the ratio of a pool to a new destination.
    unlisted_ports_used: ports used in the pools that are not listed.
    overflow_sockets: sockets not attributed to a pool because there are too many pools.
    churn: None where it is not known when ports were closed.
    """

    count: int
    ratio_max: float
    ratio_max_1m: float
    listed: tuple[ListedPool, ...]
    unlisted_ports_used: int
    overflow_sockets: int
    churn: Churn | None = None


PoolTables = Mapping[str, PoolTable]


class Forecast(NamedTuple):
    """For one pool: seconds until it is full, and what that rests on, as in exhaustion()."""

    seconds: float
    growth: float
    share: float


Forecasts = Mapping[PoolKey, Forecast]


def pool_table(  # noqa: PLR0913, PLR0917 - the pools, and all that decides how they are shown
    found: DirectionPools,
    groups: RemoteGroups,
    listing: ListingRule,
    previous: PoolMemory,
    now: float,
    scope_name: ScopeName = str,
) -> tuple[PoolTable, PoolMemory]:
    """Return the table of one direction, and what the next sample has to remember.

    `now` is the time of the sample: seconds on a monotonic clock. scope_name: what follows a local
    address that has a scope.
    """
    grouping = group_pools(found.pools, found.groups, groups)
    shown = select(grouping.usages, lambda usage: usage.rank, listing, previous.listed)
    ratio_max = _ratio_max(found)
    memory = PoolMemory(
        listed=frozenset(shown),
        closes=previous.closes.after(found.entered, grouping.usages, shown),
        history=previous.history.after(now, found.pools),
        ratios=raised(previous.ratios, now, ratio_max),
    )
    forecasts = _forecasts(found, previous.history, now)
    listed = tuple(_listed(key, grouping, forecasts, memory, scope_name) for key in shown)
    used = found.others_used + sum(usage.used for usage in found.pools.values())
    table = PoolTable(
        count=found.others + len(found.pools),
        ratio_max=ratio_max,
        ratio_max_1m=memory.ratios[0][1],
        listed=listed,
        unlisted_ports_used=used - sum(pool.usage.used for pool in listed),
        overflow_sockets=found.overflow_sockets,
        churn=_churn(found, forecasts, memory),
    )
    return table, memory


def _ratio_max(found: DirectionPools) -> float:
    # A watched pool may have a row while fuller ones do not.
    ratios = (usage.ratio for usage in found.pools.values())
    return max(found.new_ratio, found.others_ratio_max, *ratios)


def _forecasts(found: DirectionPools, history: PoolHistory, now: float) -> Forecasts:
    return {key: _forecast(key, usage, history, now) for key, usage in found.pools.items()}


def _forecast(key: PoolKey, usage: Usage, history: PoolHistory, now: float) -> Forecast:
    growth = history.growth(key, usage.live, now)
    share = history.share_taking_ports(key, usage, now)
    return Forecast(exhaustion(usage, growth, share), growth, share)


def _churn(found: DirectionPools, forecasts: Forecasts, memory: PoolMemory) -> Churn | None:
    if found.ages is None:
        return None
    full = found.new_ratio >= 1
    first = 0.0 if full else _first(forecasts.values())
    return Churn(memory.closes.total, peak_closes(found.ages), first)


def _listed(
    key: ListedKey,
    grouping: Grouping,
    forecasts: Forecasts,
    memory: PoolMemory,
    scope_name: ScopeName,
) -> ListedPool:
    match key:
        case GroupKey():
            remote = key.group
        case PoolKey():
            remote = format_address(key.remote_address) if key.remote_address else ""
    usage = grouping.usages[key]
    members = grouping.members_of(key)
    each = [forecasts[member] for member in members]
    growth = sum(one.growth for one in each)
    share = max((one.share for one in each), default=1.0)
    return ListedPool(
        key=key,
        local_address=_local_end(key, scope_name),
        remote_address=remote,
        port=str(int.from_bytes(key.port)) if key.port else "",
        usage=usage,
        entered_total=memory.closes.pools[key],
        outlook=outlook(usage, _first(each), growth, share),
    )


def _first(forecasts: Iterable[Forecast]) -> float:
    return min((one.seconds for one in forecasts), default=math.inf)


def _local_end(key: ListedKey, scope_name: ScopeName) -> str:
    address = scoped_address(key.local_address, key.scope, scope_name)
    return end(address, key.ports) if key.ports else address


def pool_name(direction: str, pool: ListedPool) -> str:
    """Write the fixed ends of a pool, the choosing side first."""
    if direction in {OUTBOUND, NAT}:
        return f"{pool.local_address} → {end(pool.remote_address, pool.port)}"
    if direction == INBOUND:
        return f"{pool.remote_address} → {end(pool.local_address, pool.port)}"
    return pool.local_address


def end(address: str, port: str) -> str:
    """Write an address and a port, an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
