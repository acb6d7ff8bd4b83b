"""The port pools of a namespace: outbound, inbound and source, in one table each."""

from collections import defaultdict
from collections.abc import Mapping

from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND, pool_usages
from tcp_pressure_exporter.pools.local_ports import choosable_ports
from tcp_pressure_exporter.pools.memory import PoolMemory
from tcp_pressure_exporter.pools.table import PoolTable, PoolTables, pool_table
from tcp_pressure_exporter.sampling.parts.part import Kit, Memory, Reading


class PoolsPart:
    """Remembers of each direction what its next table is to know."""

    needs = ()

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._memories: Mapping[str, PoolMemory] = defaultdict(PoolMemory)

    def take(self, reading: Reading) -> PoolTables:
        """Return the tables by direction; raises SourceError, SettingError beside sockets."""
        tally = reading.tally.get()  # first, so that lacking settings are told only beside sockets
        rules = reading.rules.get()
        config, limit = reading.config, choosable_ports(reading.settings.get())
        usages = pool_usages(tally, reading.bound.get(), rules, limit, config.groups)
        now = reading.now()
        tables: dict[str, PoolTable] = {}
        memories: dict[str, PoolMemory] = {}
        for direction, found in usages.items():
            tables[direction], memories[direction] = pool_table(
                found, config.groups, config.listing, self._memories[direction], now
            )
        # Only now: a sample that failed is made up for by the next one.
        self._memories = memories
        self._memory.edge = tally.edge
        self._memory.watched_outbound = memories[OUTBOUND].watched
        self._memory.watched_inbound = memories[INBOUND].watched
        return tables


def pools_part(kit: Kit) -> PoolsPart | Missing:
    """Return the part; every system shows sockets."""
    return PoolsPart(kit.memory)
