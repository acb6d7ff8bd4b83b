"""Finds out, now and then, whose sockets fill the outbound pools near their limit."""

from collections.abc import Callable, Mapping

from tcp_pressure_exporter.facts.tally import TallyRules
from tcp_pressure_exporter.pools.groups import Key, RemoteGroups
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.pools.near_limit import (
    PoolOwners,
    owned_pools,
    owners_by_pool,
    remote_ends,
)
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.pacing import Allowance
from tcp_pressure_exporter.sources.systems.namespace import Namespace

SHARE = 0.005  # of one CPU, for a walk over the sockets and one over the processes
LONGEST_PAUSE = 60.0  # seconds: how old the answer may get


class PoolOwnerWatch:
    """The owners of the pools of one namespace."""

    def __init__(self, namespace: Namespace, owners: Owners, clock: Callable[[], float]) -> None:
        self._namespace = namespace
        self._owners = owners
        self._allowance = Allowance(SHARE, LONGEST_PAUSE, clock)
        self._known: Mapping[Key, tuple[OwnerCount, ...]] = {}

    def take(
        self, outbound: PoolTable, rules: TallyRules, groups: RemoteGroups
    ) -> tuple[PoolOwners, ...]:
        """Return the owners of each pool near its limit; raises SourceError."""
        pools = owned_pools(outbound)
        if pools and self._allowance.due():
            with self._allowance.spend():
                self._known = self._ask(pools, rules, groups)
        elif not pools:
            self._known = {}
        return tuple(PoolOwners(pool, self._known.get(pool.key, ())) for pool in pools)

    def _ask(
        self, pools: list[ListedPool], rules: TallyRules, groups: RemoteGroups
    ) -> Mapping[Key, tuple[OwnerCount, ...]]:
        sockets = self._namespace.pool_sockets(remote_ends(pools))
        self._owners.look_up([socket.owner_id for socket in sockets])
        owners = [self._owners.owner(socket.owner_id) for socket in sockets]
        return owners_by_pool(sockets, owners, rules, groups)
