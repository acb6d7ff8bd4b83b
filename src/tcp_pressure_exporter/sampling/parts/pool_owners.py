"""Whose sockets fill the outbound pools near their limit, in which states: asked now and then."""

from collections.abc import Callable, Mapping

from tcp_pressure_exporter.facts.questions import Missing, SocketDetailSource
from tcp_pressure_exporter.facts.tally import TallyRules
from tcp_pressure_exporter.findings.kinds import KINDS
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.groups import ListedKey, RemoteGroups
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.pools.near_limit.closer_look import (
    PoolOwners,
    owned_pools,
    owners_by_pool,
    remote_ends,
    states_by_pool,
)
from tcp_pressure_exporter.pools.near_limit.live_states import StateCount
from tcp_pressure_exporter.pools.table import ListedPool
from tcp_pressure_exporter.sample.sample import POOLS
from tcp_pressure_exporter.sampling.parts.part import Kit, Reading
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.pacing import Allowance

SHARE = 0.005  # of one CPU, for a walk over the sockets and one over the processes
LONGEST_PAUSE = 60.0  # seconds: how old the answer may get


class PoolOwnersPart:
    """Remembers the owners that were found last."""

    needs = (POOLS,)

    def __init__(
        self, source: SocketDetailSource, owners: Owners, clock: Callable[[], float]
    ) -> None:
        self._source = source
        self._owners = owners
        self._allowance = Allowance(SHARE, LONGEST_PAUSE, clock)
        self._known: Mapping[ListedKey, tuple[OwnerCount, ...]] = {}
        self._states: Mapping[ListedKey, tuple[StateCount, ...]] = {}

    def take(self, reading: Reading) -> tuple[PoolOwners, ...]:
        """Return owners and states of each pool near its limit; raises SourceError."""
        outbound, rules = reading.get(POOLS)[OUTBOUND], reading.rules.get()
        pools = owned_pools(outbound, KINDS[OUTBOUND].warning)
        if pools and self._allowance.due():
            with self._allowance.spend():
                self._ask(pools, rules, reading.config.groups)
        elif not pools:
            self._known, self._states = {}, {}
        return tuple(
            PoolOwners(pool, self._known.get(pool.key, ()), self._states.get(pool.key, ()))
            for pool in pools
        )

    def _ask(self, pools: list[ListedPool], rules: TallyRules, groups: RemoteGroups) -> None:
        sockets = self._source.pool_sockets(remote_ends(pools))
        self._owners.look_up([socket.owner_id for socket in sockets])
        owners = [self._owners.owner(socket.owner_id) for socket in sockets]
        self._known = owners_by_pool(sockets, owners, rules, groups)
        self._states = states_by_pool(sockets, rules, groups)


def pool_owners_part(kit: Kit) -> PoolOwnersPart | Missing:
    """Return the part, where single sockets are told."""
    details = kit.sources.details
    if isinstance(details, Missing):
        return details
    return PoolOwnersPart(details, kit.owners, kit.clock)
