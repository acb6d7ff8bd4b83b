"""Who closes first in the fullest pools, and so leaves their TIME_WAIT: counters of closes."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.facts.time_wait import ActiveClose, CloseCounts, UnnamedCloses
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND
from tcp_pressure_exporter.pools.explicit import SourceRanges, ports_label
from tcp_pressure_exporter.pools.groups import ListedKey, RemoteGroups, listed_key
from tcp_pressure_exporter.pools.listing import ListingRule, select
from tcp_pressure_exporter.pools.table import PoolTables
from tcp_pressure_exporter.sample.counted.last_minute import LastMinute
from tcp_pressure_exporter.sample.counted.owner_counters import OwnerCounters, Rank, foremost, risen

DIRECTIONS = (OUTBOUND, INBOUND)
MAX_POOLS = 5  # of both directions together
MAX_CLOSERS = 3  # of each


class ClosedPool(NamedTuple):
    """A listed pool, by its labels."""

    direction: str
    local_address: str
    remote_address: str
    port: str


class Closer(NamedTuple):
    """Who closes first, and in which pool."""

    pool: ClosedPool
    owner: Owner


@dataclass(frozen=True, slots=True)
class ActiveCloses:
    """Counters since the exporter's start; listed plus unlisted are all closes of a direction.

    listed: a closer's count since it was listed. unlisted: by direction. recent: those of the last
    minute in the pools in view, whether or not their closer is listed.
    """

    listed: Mapping[Closer, int]
    unlisted: Mapping[str, int]
    recent: Mapping[Closer, int] = field(default_factory=dict)


class PoolsInView(NamedTuple):
    """The pools whose closers may be listed.

    names: by direction and key. ranks: which pools come first. most: for how many of them.
    """

    names: Mapping[tuple[str, ListedKey], ClosedPool]
    ranks: Mapping[ClosedPool, float]
    most: int = MAX_POOLS


def pools_in_view(tables: PoolTables, listing: ListingRule) -> PoolsInView:
    """Return the outbound and inbound pools that are listed."""
    names: dict[tuple[str, ListedKey], ClosedPool] = {}
    ranks: dict[ClosedPool, float] = {}
    for direction in DIRECTIONS:
        for pool in tables[direction].listed:
            name = ClosedPool(direction, pool.local_address, pool.remote_address, pool.port)
            names[direction, pool.key] = name
            ranks[name] = pool.usage.rank
    return PoolsInView(names, ranks, min(listing.top, MAX_POOLS))


def closed_pool(
    close: ActiveClose, groups: RemoteGroups, sources: SourceRanges
) -> tuple[str, ListedKey]:
    """Return the direction and the key under which the pool of a row is listed, if it is."""
    key = PoolKey(close.local_address, close.remote_address, close.port, close.scope)
    if close.accepted:
        return INBOUND, listed_key(key, groups)
    ports = ports_label(close.local_ports, close.local_address, sources)
    return OUTBOUND, listed_key(key._replace(ports=ports), groups)


Name = Callable[[ActiveClose], Closer | None]


@dataclass(frozen=True, slots=True)
class CloseMemory:
    """What was counted until the last sample."""

    rows: Mapping[ActiveClose, int] = field(default_factory=dict)
    unnamed: Mapping[UnnamedCloses, int] = field(default_factory=dict)
    counters: OwnerCounters[Closer] = field(default_factory=OwnerCounters)
    unlisted: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(DIRECTIONS, 0))
    minute: LastMinute[Closer] = field(default_factory=LastMinute)

    def after(
        self, counts: CloseCounts, name: Name, pools: PoolsInView, now: float
    ) -> "CloseMemory":
        """Return what is known after another sample.

        name: returns the closer of a row, None where its pool is not in view.
        """
        new: Counter[Closer] = Counter()
        rest = Counter(self.unlisted)
        for row, more in risen(self.rows, counts.rows):
            closer = name(row)
            if closer:
                new[closer] += more
            else:
                rest[_direction(accepted=row.accepted)] += more
        for unnamed, more in risen(self.unnamed, counts.unnamed):
            rest[_direction(accepted=unnamed.accepted)] += more
        counters = self.counters.after(new, lambda ranks: self._choose(ranks, pools), now)
        for closer in (new.keys() | self.counters.listed.keys()) - counters.listed.keys():
            rest[closer.pool.direction] += self.counters.listed.get(closer, 0) + new[closer]
        minute = self.minute.after(new, now)
        return CloseMemory(counts.rows, counts.unnamed, counters, dict(rest), minute)

    def _choose(self, ranks: Mapping[Closer, Rank[Closer]], pools: PoolsInView) -> list[Closer]:
        """Return the top closers of the fullest pools that have any."""
        by_pool: dict[ClosedPool, list[Closer]] = {}
        for closer in ranks:
            if closer.pool in pools.ranks:
                by_pool.setdefault(closer.pool, []).append(closer)
        shown = select(
            {pool: pools.ranks[pool] for pool in by_pool},
            float,
            ListingRule(pools.most, 0.0),
            {closer.pool for closer in self.counters.listed},
        )
        return [closer for pool in shown for closer in foremost(ranks, by_pool[pool], MAX_CLOSERS)]

    @property
    def published(self) -> ActiveCloses:
        """The counters of the sample that was taken last."""
        return ActiveCloses(self.counters.listed, self.unlisted, self.minute.counts())


def _direction(*, accepted: bool) -> str:
    return INBOUND if accepted else OUTBOUND


def names_of(
    pools: PoolsInView,
    pool: Callable[[ActiveClose], tuple[str, ListedKey]],
    owner: Callable[[ActiveClose], Owner],
) -> Name:
    """Return the function that names rows; it asks for the owner of those in view only."""

    def name(close: ActiveClose) -> Closer | None:
        found = pools.names.get(pool(close))
        return Closer(found, owner(close)) if found else None

    return name
