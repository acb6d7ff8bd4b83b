"""The port pools of a NAT gateway, from the connections that conntrack translates."""

from dataclasses import replace
from math import ceil

from tcp_pressure_exporter.facts.questions import Missing, NatSource, usable
from tcp_pressure_exporter.facts.tally import RowRules
from tcp_pressure_exporter.pools.directions import nat_usages
from tcp_pressure_exporter.pools.memory import PoolMemory
from tcp_pressure_exporter.pools.table import PoolTable, pool_table
from tcp_pressure_exporter.sample.sample import PORT_FAILURES
from tcp_pressure_exporter.sampling.parts.part import Kit, Reading

# Pools of a gateway, of four series each, that are not listed where port failures are counted, and
# where they are not, so that the page keeps within its 500 series: hardly a host has both in such
# numbers.
GIVES_WAY, GIVES_WAY_ANYWHERE = 5, 1


class NatPart:
    """Remembers what the next table is to know."""

    needs = ()

    def __init__(self, source: NatSource) -> None:
        self._source = source
        self._memory = PoolMemory()

    def take(self, reading: Reading) -> PoolTable:
        """Return the table; raises SourceError."""
        config = reading.config
        listing = config.listing
        fewer = GIVES_WAY if reading.taken(PORT_FAILURES) else GIVES_WAY_ANYWHERE
        listing = replace(listing, top=max(listing.top - fewer, 1))
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
