"""The port pools of a namespace: outbound, inbound and source, in one table each."""

from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import (
    CanarySource,
    Missing,
    SocketDetailSource,
    TakeOverAnswer,
    usable,
)
from tcp_pressure_exporter.facts.tally import PoolKey, SocketTally, TallyRules
from tcp_pressure_exporter.findings.kinds import KINDS
from tcp_pressure_exporter.pools.directions import (
    INBOUND,
    OUTBOUND,
    SOURCE,
    DirectionPools,
    pool_usages,
)
from tcp_pressure_exporter.pools.explicit import with_explicit_pools
from tcp_pressure_exporter.pools.local_ports import choosable_ports
from tcp_pressure_exporter.pools.memory import PoolMemory
from tcp_pressure_exporter.pools.near_limit.take_over import (
    TakeOvers,
    doubtful_pools,
    old_enough,
    waiting_ports,
)
from tcp_pressure_exporter.pools.table import PoolTable, PoolTables, pool_table
from tcp_pressure_exporter.sampling.parts.part import Kit, Memory, Reading

# How many source pools, of three series each, are left out where active closes are counted, so that
# the page stays within its 500 series: hardly any host uses so many local addresses.
SOURCE_GIVES_WAY = 4
# The same for each direction in other namespaces, which have 220 series each.
OTHERS_GIVE_WAY = 1


class TakeOverAsker:
    """Asks whether the kernel gives TIME_WAIT ports back, and remembers its answers."""

    def __init__(self, canary: CanarySource, sockets: SocketDetailSource) -> None:
        self._canary = canary
        self._sockets = sockets
        self._known = TakeOvers()

    def corrected(
        self, outbound: DirectionPools, tally: SocketTally, rules: TallyRules
    ) -> DirectionPools:
        """Return the outbound pools with ports that the kernel refuses counted as used."""
        doubtful = doubtful_pools(outbound, tally, rules, KINDS[OUTBOUND].warning)
        answers = {key: self._ask(key, waiting_ports(key, tally, rules), rules) for key in doubtful}
        self._known = self._known.after(answers)
        return self._known.corrected(outbound, rules.reuse)

    def _ask(self, key: PoolKey, ports: int, rules: TallyRules) -> TakeOverAnswer:
        lengths = rules.reuse.lengths

        def waits(port: int) -> bool:
            return old_enough(self._sockets.time_wait_age(key, port, lengths), rules)

        try:
            return self._canary.take_over(key, ports, waits)
        except SourceError:  # the canary's own collector reports it; the pools do not depend on it
            return TakeOverAnswer(0, 0)


class PoolsPart:
    """Remembers, for each direction, what its next table needs to know."""

    needs = ()

    def __init__(
        self,
        memory: Memory,
        asker: TakeOverAsker | None = None,
        fewer: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._memory = memory
        self._asker = asker
        self._fewer = fewer
        self._memories: Mapping[str, PoolMemory] = defaultdict(PoolMemory)

    def take(self, reading: Reading) -> PoolTables:
        """Return the tables by direction; raises SourceError, or SettingError without settings."""
        tally = (
            reading.tally.get()
        )  # first, so that missing settings are reported only if sockets are known
        rules = reading.rules.get()
        config, settings = reading.config, reading.settings.get()
        limit = choosable_ports(settings)
        usages = dict(pool_usages(tally, reading.bound.get(), rules, limit, config.groups))
        if self._asker:
            usages[OUTBOUND] = self._asker.corrected(usages[OUTBOUND], tally, rules)
        usages[OUTBOUND] = with_explicit_pools(
            usages[OUTBOUND], tally, settings, config.sources, rules.reuse
        )
        now = reading.now()
        tables: dict[str, PoolTable] = {}
        memories: dict[str, PoolMemory] = {}
        for direction, found in usages.items():
            tables[direction], memories[direction] = pool_table(
                found,
                config.groups,
                config.listing.without(self._fewer.get(direction, 0)),
                self._memories[direction],
                now,
                reading.interface_name,
            )
        # Only now: after a failed sample, the next one makes up for it.
        self._memories = memories
        self._memory.edge = tally.edge
        self._memory.watched_outbound = memories[OUTBOUND].watched
        self._memory.watched_inbound = memories[INBOUND].watched
        return tables


def gives_way(kit: Kit) -> Mapping[str, int]:
    """Return how many pools of each direction give way to what BPF programs count."""
    closes = not isinstance(kit.sources.closes, Missing)
    if kit.own:
        return {SOURCE: SOURCE_GIVES_WAY} if closes else {}
    if closes or not isinstance(kit.sources.failures, Missing):
        return dict.fromkeys((OUTBOUND, INBOUND, SOURCE), OTHERS_GIVE_WAY)
    return {}


def pools_part(kit: Kit) -> PoolsPart | Missing:
    """Return the part; every system shows sockets."""
    canary, details = usable(kit.sources.canary), kit.sources.details
    if isinstance(canary, Missing) or isinstance(details, Missing):
        return PoolsPart(kit.memory, None, gives_way(kit))
    return PoolsPart(kit.memory, TakeOverAsker(canary, details), gives_way(kit))
