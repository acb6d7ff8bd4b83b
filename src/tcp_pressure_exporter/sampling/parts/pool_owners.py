"""Whose sockets fill the urgent outbound pools, and in which states: asked now and then."""

import time
from collections.abc import Callable, Mapping

from tcp_pressure_exporter.facts.questions import Missing, SocketDetailSource
from tcp_pressure_exporter.facts.tally import PoolSocket, TallyRules
from tcp_pressure_exporter.findings.kinds import Severity, severity_of
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.groups import ListedKey, RemoteGroups
from tcp_pressure_exporter.pools.near_limit.closer_look import (
    PoolOwners,
    owners_by_pool,
    remote_ends,
    states_by_pool,
)
from tcp_pressure_exporter.pools.near_limit.live_states import StateCount
from tcp_pressure_exporter.pools.near_limit.owner_memory import OwnerMemory
from tcp_pressure_exporter.pools.table import ListedPool
from tcp_pressure_exporter.sample.counted.refused_pools import with_refusals
from tcp_pressure_exporter.sample.sample import POOLS, PORT_FAILURES
from tcp_pressure_exporter.sampling.parts.part import Kit, Reading
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.pacing import Allowance

LONGEST_PAUSE = 60.0  # seconds: how old the answer may get
LOOKS = 5  # while no owner is known: few looks catch a short connection
APART = 0.03  # seconds: if one look catches none of a proxy's connections, the next may


class PoolOwnersPart:
    """Remembers for a few minutes who was seen."""

    needs = (POOLS,)

    def __init__(
        self,
        source: SocketDetailSource,
        owners: Owners,
        clock: Callable[[], float],
        cost: Callable[[], float] | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start with nothing; walks over sockets get the same share of a CPU as those for owners.

        cost: as in Allowance.
        """
        self._source = source
        self._owners = owners
        self._pause = pause
        self._allowance = Allowance(owners.walk_share, LONGEST_PAUSE, clock, cost, owners.spending)
        self._memory = OwnerMemory()
        self._states: Mapping[ListedKey, tuple[StateCount, ...]] = {}

    def take(self, reading: Reading) -> tuple[PoolOwners, ...]:
        """Return owners and states for each pool that is or was urgent; raises SourceError."""
        tables, rules = reading.get(POOLS), reading.rules.get()
        failures = reading.taken(PORT_FAILURES)
        if failures and failures.value:
            tables = with_refusals(tables, failures.value.recent)
        listed, now = tables[OUTBOUND].listed, reading.now()
        self._memory = self._memory.watching(listed, urgency, now)
        pools = [pool for pool in listed if pool.key in self._memory.known]
        if pools and self._allowance.due():
            self._ask(pools, rules, reading)
        elif not pools:
            self._states = {}
        now = reading.now()
        return tuple(
            PoolOwners(pool, self._memory.owners(pool.key, now), self._states_of(pool))
            for pool in pools
        )

    def _states_of(self, pool: ListedPool) -> tuple[StateCount, ...]:
        return self._states.get(pool.key, ()) if urgency(pool) else ()

    def _ask(self, pools: list[ListedPool], rules: TallyRules, reading: Reading) -> None:
        for look in range(LOOKS):
            if look:
                self._pause(APART)
                self._owners.look_ahead()
            with self._allowance.spend():
                sockets = self._source.pool_sockets(remote_ends(pools))
            self._learn(sockets, rules, reading.config.groups, reading.now())
            if not any(urgency(pool) and self._memory.nobody_in(pool.key) for pool in pools):
                return

    def _learn(
        self, sockets: list[PoolSocket], rules: TallyRules, groups: RemoteGroups, now: float
    ) -> None:
        self._owners.look_up([socket.owner_id for socket in sockets])
        owners = [self._owners.owner(socket.owner_id) for socket in sockets]
        self._memory = self._memory.after(owners_by_pool(sockets, owners, rules, groups), now)
        self._states = states_by_pool(sockets, rules, groups)


def urgency(pool: ListedPool) -> Severity:
    """Return the severity of an outbound pool, by its ratio and its forecast."""
    left = pool.outlook.exhaustion_seconds if pool.outlook else None
    return severity_of(OUTBOUND, pool.usage.ratio, left)


def pool_owners_part(kit: Kit) -> PoolOwnersPart | Missing:
    """Return the part if single sockets are shown."""
    details = kit.sources.details
    if isinstance(details, Missing):
        return details
    return PoolOwnersPart(details, kit.owners, kit.clock, time.thread_time)
