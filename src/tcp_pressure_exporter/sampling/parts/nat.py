"""The port pools of a NAT gateway, from the connections that conntrack translates."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from tcp_pressure_exporter.facts.failures import BIND
from tcp_pressure_exporter.facts.questions import Missing, NatSource, usable
from tcp_pressure_exporter.facts.tally import RowRules
from tcp_pressure_exporter.pools.directions import nat_usages
from tcp_pressure_exporter.pools.memory import PoolMemory
from tcp_pressure_exporter.pools.table import PoolTable, pool_table
from tcp_pressure_exporter.sample.sample import ACTIVE_CLOSES, PORT_FAILURES, Key
from tcp_pressure_exporter.sampling.parts.part import Kit, Reading

# Pools of a gateway, of four series each, that are not listed where others of these are counted, so
# that the page keeps within its 500 series: hardly a host has both in such numbers.
GIVES_WAY: Mapping[Key[Any], int] = {PORT_FAILURES: 5, ACTIVE_CLOSES: 2}
GIVES_WAY_TO_BINDS = 1  # more, where failing bind() calls are counted, too


class NatPart:
    """Remembers what the next table is to know."""

    needs = ()

    def __init__(self, source: NatSource) -> None:
        self._source = source
        self._memory = PoolMemory()

    def take(self, reading: Reading) -> PoolTable:
        """Return the table; raises SourceError."""
        config = reading.config
        listing = config.listing.without(_fewer(reading))
        rules = RowRules(
            min_used=ceil(config.listing.leave_ratio * config.nat.fewest),
            watched=self._memory.watched,
            groups=config.groups.networks,
        )
        usages = nat_usages(self._source.translated(rules), config.nat, config.groups)
        table, self._memory = pool_table(
            usages, config.groups, listing, self._memory, reading.now(), zone_name
        )
        return table


def zone_name(zone: int) -> str:
    """Write a conntrack zone as it stands behind an address."""
    return f"zone{zone}"


def nat_part(kit: Kit) -> NatPart | Missing:
    """Return the part, where conntrack may be read."""
    source = usable(kit.sources.nat)
    return source if isinstance(source, Missing) else NatPart(source)


def _fewer(reading: Reading) -> int:
    """Return how many pools give way to what is counted at this sample."""
    failures = reading.taken(PORT_FAILURES)
    binds = failures is not None and failures.value is not None and failures.value.counts(BIND)
    fewer = sum(pools for key, pools in GIVES_WAY.items() if reading.taken(key))
    return fewer + (GIVES_WAY_TO_BINDS if binds else 0)
