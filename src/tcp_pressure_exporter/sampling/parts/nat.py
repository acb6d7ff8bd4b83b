"""The port pools of a NAT gateway, from the connections that conntrack translates."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from heapq import nlargest
from math import ceil
from typing import Any

from tcp_pressure_exporter.facts.addresses import format_address
from tcp_pressure_exporter.facts.failures import BIND
from tcp_pressure_exporter.facts.questions import Missing, NatSource, usable
from tcp_pressure_exporter.facts.tally import PoolKey, RowRules
from tcp_pressure_exporter.pools.directions import nat_usages
from tcp_pressure_exporter.pools.memory import PoolMemory
from tcp_pressure_exporter.pools.table import ClientPorts, ListedPool, PoolTable, pool_table
from tcp_pressure_exporter.sample.sample import ACTIVE_CLOSES, PORT_FAILURES, Key
from tcp_pressure_exporter.sampling.parts.part import Kit, Reading
from tcp_pressure_exporter.sources.owners.pod_addresses import PodAddresses

# How many gateway pools, of four series each, are left out where these parts are taken, so that the
# page stays within its 500 series: hardly any host has so many of both.
GIVES_WAY: Mapping[Key[Any], int] = {PORT_FAILURES: 5, ACTIVE_CLOSES: 2}
GIVES_WAY_TO_BINDS = 1  # additional, where failing bind() calls are counted too
POOL_SERIES = 4  # per listed pool
# The fullest listed pools, whose clients are shown, and the clients shown for each.
MAX_POOLS, MAX_CLIENTS = 3, 3

PodOf = Callable[[bytes], str]  # returns `namespace/pod` for an address, "" where it is not known


class NatPart:
    """Remembers what the next table needs to know."""

    needs = ()

    def __init__(self, source: NatSource, pod: PodOf = lambda _address: "") -> None:
        self._source = source
        self._pod = pod
        self._memory = PoolMemory()
        self._fullest: tuple[PoolKey, ...] = ()

    def take(self, reading: Reading) -> PoolTable:
        """Return the table; raises SourceError."""
        config = reading.config
        listed, told = share(config.listing.without(_fewer(reading)).top)
        listing = replace(config.listing, top=listed)
        rules = RowRules(
            min_used=ceil(config.listing.leave_ratio * config.nat.fewest),
            watched=self._memory.watched,
            groups=config.groups.networks,
        )
        tally = self._source.translated(rules, self._fullest)
        usages = nat_usages(tally, config.nat, config.groups)
        table, self._memory = pool_table(
            usages, config.groups, listing, self._memory, reading.now(), zone_name
        )
        self._fullest = _fullest(table, told)
        return with_clients(table, tally.clients, self._pod)


def share(top: int) -> tuple[int, int]:
    """Divide the series of `top` pools between pools and clients.

    Return how many pools are listed, and for how many the clients are shown.
    """
    for told in range(MAX_POOLS, 0, -1):
        listed = top - ceil(told * MAX_CLIENTS / POOL_SERIES)
        if listed >= told:
            return listed, told
    return top, 0


def _fullest(table: PoolTable, told: int) -> tuple[PoolKey, ...]:
    """Return the pools whose clients the next sample has to count."""
    pools = [pool for pool in table.listed if isinstance(pool.key, PoolKey)]
    fullest = nlargest(told, pools, key=lambda pool: pool.usage.rank)
    return tuple(pool.key for pool in fullest if isinstance(pool.key, PoolKey))


def with_clients(
    table: PoolTable,
    clients: Mapping[PoolKey, Mapping[bytes, int]],
    pod: PodOf,
) -> PoolTable:
    """Return the table with the clients that hold most ports of each pool, naming pods."""

    def with_its_own(pool: ListedPool) -> ListedPool:
        held = clients.get(pool.key, {}) if isinstance(pool.key, PoolKey) else {}
        most = nlargest(MAX_CLIENTS, held.items(), key=lambda client: (client[1], client[0]))
        named = Counter[str]()
        for address, ports in most:
            named[pod(address) or format_address(address)] += ports
        clients_told = tuple(ClientPorts(*client) for client in named.most_common())
        return replace(pool, clients=clients_told) if clients_told else pool

    return replace(table, listed=tuple(map(with_its_own, table.listed)))


def zone_name(zone: int) -> str:
    """Write a conntrack zone as it follows an address."""
    return f"zone{zone}"


def nat_part(kit: Kit) -> NatPart | Missing:
    """Return the part if conntrack may be read."""
    source = usable(kit.sources.nat)
    if isinstance(source, Missing):
        return source
    return NatPart(source, PodAddresses(clock=kit.clock).pod)


def _fewer(reading: Reading) -> int:
    """Return how many pools give way to what this sample counts."""
    failures = reading.taken(PORT_FAILURES)
    binds = failures is not None and failures.value is not None and failures.value.counts(BIND)
    fewer = sum(pools for key, pools in GIVES_WAY.items() if reading.taken(key))
    return fewer + (GIVES_WAY_TO_BINDS if binds else 0)
