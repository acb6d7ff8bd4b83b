"""Whose the live sockets of the outbound pools near their limit are; TIME_WAIT has no owner."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tcp_pressure_exporter.facts.sockets import Owner, RemoteEnd
from tcp_pressure_exporter.facts.tally import PoolKey, PoolSocket, TallyRules
from tcp_pressure_exporter.model.canary_targets import MAX_TARGETS, NEAR_LIMIT
from tcp_pressure_exporter.model.grouping import GroupKey, Key
from tcp_pressure_exporter.model.groups import RemoteGroups
from tcp_pressure_exporter.model.ownership import OwnerCount, most_owners
from tcp_pressure_exporter.model.pool_table import ListedPool, PoolTable

MAX_OWNERS = 3  # of one pool


class PoolOwners(NamedTuple):
    """A pool and the owners with the most of its live sockets."""

    pool: ListedPool
    owners: tuple[OwnerCount, ...]


def owned_pools(outbound: PoolTable) -> list[ListedPool]:
    """Return the fullest of the listed outbound pools near their limit."""
    return [pool for pool in outbound.listed if pool.usage.ratio >= NEAR_LIMIT][:MAX_TARGETS]


def remote_ends(pools: Iterable[ListedPool]) -> list[RemoteEnd]:
    """Return whom to ask the kernel about; of a group, every address."""
    ends = {_remote_end(pool.key): None for pool in pools}
    return list(ends)


def _remote_end(key: Key) -> RemoteEnd:
    return RemoteEnd(key.remote_address if isinstance(key, PoolKey) else None, key.port)


def owners_by_pool(
    sockets: Iterable[PoolSocket],
    owners: Sequence[Owner],
    rules: TallyRules,
    groups: RemoteGroups,
) -> Mapping[Key, tuple[OwnerCount, ...]]:
    """Return the owners of each pool; `owners` are those of `sockets`, in their order."""
    found: dict[Key, list[Owner]] = {}
    chosen = rules.usable & ~rules.blocked & ~rules.served  # ports that a connect() chose
    for socket, owner in zip(sockets, owners, strict=True):
        if chosen >> socket.local_port & 1:
            found.setdefault(_shown_key(socket.key, groups), []).append(owner)
    return {key: most_owners(names, MAX_OWNERS) for key, names in found.items()}


def _shown_key(key: PoolKey, groups: RemoteGroups) -> Key:
    group = groups.find(key.remote_address)
    return GroupKey(key.local_address, group.name, key.port) if group else key
