"""The pools of one direction as they are published: totals over all of them, and the fullest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tcp_pressure_exporter.kernel.addresses import format_address
from tcp_pressure_exporter.kernel.tally import PoolKey
from tcp_pressure_exporter.model.groups import RemoteGroups
from tcp_pressure_exporter.model.listing import Listing, select
from tcp_pressure_exporter.model.pools import Usage, Usages


class GroupKey(NamedTuple):
    """The pools of several remote addresses of one group, added up."""

    local_address: bytes
    group: str
    port: bytes


Key = PoolKey | GroupKey


@dataclass(frozen=True, slots=True)
class ListedPool:
    """One pool with its labels; an end that does not apply is an empty text."""

    key: Key
    local_address: str
    remote_address: str
    port: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class PoolTable:
    """The pools of one direction.

    count and ratio_max cover every single pool, listed or not, before addresses are added up to
    groups, so that one full address is not averaged away.
    unlisted_ports_used is the remainder: ports used in the pools that are not listed.
    overflow_sockets were not attributed to a pool because there are too many pools.
    """

    count: int
    ratio_max: float
    listed: tuple[ListedPool, ...]
    unlisted_ports_used: int
    overflow_sockets: int


EMPTY = PoolTable(0, 0.0, (), 0, 0)

PoolTables = Mapping[str, PoolTable]


def pool_tables(
    usages: Mapping[str, Usages], groups: RemoteGroups, listing: Listing, previous: PoolTables
) -> PoolTables:
    """Return the table of each direction; `previous` are those of the last sample."""
    return {
        direction: pool_table(usages[direction], groups, listing, previous.get(direction, EMPTY))
        for direction in usages
    }


def pool_table(
    usages: Usages, groups: RemoteGroups, listing: Listing, previous: PoolTable
) -> PoolTable:
    """Return the table of one direction; `previous` is the one of the last sample."""
    merged = _merge_groups(usages.pools, groups)
    keys = select(merged, lambda usage: usage.ratio, listing, {p.key for p in previous.listed})
    listed = tuple(_listed(key, merged[key]) for key in keys)
    used = usages.others_used + sum(usage.used for usage in merged.values())
    ratios = (usage.ratio for usage in usages.pools.values())
    return PoolTable(
        count=usages.others + len(usages.pools),
        ratio_max=max(ratios, default=usages.others_ratio_max),
        listed=listed,
        unlisted_ports_used=used - sum(pool.usage.used for pool in listed),
        overflow_sockets=usages.overflow_sockets,
    )


def _merge_groups(usages: Mapping[PoolKey, Usage], groups: RemoteGroups) -> Mapping[Key, Usage]:
    """Add the pools of a group's addresses up: its limit is one address's times those in use."""
    merged: dict[Key, Usage] = {}
    if not groups:
        merged.update(usages.items())
        return merged
    for key, usage in usages.items():
        group = groups.find(key.remote_address) if key.remote_address else None
        name = GroupKey(key.local_address, group.name, key.port) if group else key
        merged[name] = _add(merged[name], usage) if name in merged else usage
    return merged


def _add(one: Usage, other: Usage) -> Usage:
    reclaimable = None if one.reclaimable is None else one.reclaimable + (other.reclaimable or 0)
    return Usage(
        one.used + other.used,
        one.limit + other.limit,
        one.time_wait + other.time_wait,
        reclaimable,
    )


def _listed(key: Key, usage: Usage) -> ListedPool:
    match key:
        case GroupKey():
            remote = key.group
        case PoolKey():
            remote = format_address(key.remote_address) if key.remote_address else ""
    return ListedPool(
        key=key,
        local_address=format_address(key.local_address),
        remote_address=remote,
        port=str(int.from_bytes(key.port)) if key.port else "",
        usage=usage,
    )
