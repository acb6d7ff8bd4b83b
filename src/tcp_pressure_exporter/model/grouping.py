"""Pools under the names they are shown by: those of a remote group's addresses are one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.model.groups import RemoteGroups
from tcp_pressure_exporter.model.usage import Usage


class GroupKey(NamedTuple):
    """The pools of several remote addresses of one group, added up."""

    local_address: bytes
    group: str
    port: bytes


Key = PoolKey | GroupKey


@dataclass(frozen=True, slots=True)
class Grouping:
    """The pools that are shown, and of which single pools each group consists.

    A group's limit is that of one address times the addresses in use.
    """

    usages: Mapping[Key, Usage]
    members: Mapping[Key, Sequence[PoolKey]]

    def members_of(self, key: Key) -> Sequence[PoolKey]:
        """Return the single pools behind a key: itself, where it is no group."""
        return (key,) if isinstance(key, PoolKey) else self.members[key]


def group_pools(pools: Mapping[PoolKey, Usage], groups: RemoteGroups) -> Grouping:
    """Add the pools of each group's addresses up."""
    usages: dict[Key, Usage] = {}
    members: dict[Key, list[PoolKey]] = {}
    if not groups:
        usages.update(pools.items())
        return Grouping(usages, members)
    for key, usage in pools.items():
        group = groups.find(key.remote_address) if key.remote_address else None
        name = GroupKey(key.local_address, group.name, key.port) if group else key
        usages[name] = usages[name].plus(usage) if name in usages else usage
        if group:
            members.setdefault(name, []).append(key)
    return Grouping(usages, members)
