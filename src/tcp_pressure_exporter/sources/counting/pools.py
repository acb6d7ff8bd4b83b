"""The pools of one direction while the readable parser counts them."""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tcp_pressure_exporter.facts.tally import (
    MAX_CLIENTS,
    MAX_GROUP_POOLS,
    MAX_POOLS,
    GroupedKey,
    GroupNetwork,
    NatRules,
    NetworkPorts,
    OtherPools,
    PoolCount,
    PoolKey,
    PoolTally,
    RowRules,
)

LIVE = -1  # the age of an entry that is not in TIME_WAIT
# The fields of a PoolKey. Making one for each socket would cost a tenth of all counting.
Ends = tuple[bytes, bytes, bytes, int]


class CountedPool:
    """One pool while it is counted; ages counts entries by whole seconds in TIME_WAIT."""

    __slots__ = ("ages", "entered", "outside", "ports", "reclaimable", "time_wait")

    def __init__(self) -> None:
        self.ports = self.time_wait = self.reclaimable = self.entered = self.outside = 0
        self.ages: dict[int, int] = {}

    @property
    def used(self) -> int:
        return self.ports - self.reclaimable

    def ranked_by(self, rules: RowRules) -> int:
        """Return the number of ports by which the rules judge the pool."""
        return self.ports if self.ports >= rules.whole_from else self.used

    def frozen(self, age_seconds: int) -> PoolCount:
        ages = _packed(self.ages, age_seconds)
        return PoolCount(
            self.ports, self.time_wait, self.reclaimable, self.entered, ages, self.outside
        )


@dataclass(slots=True)
class Pools:
    """The pools of one direction while they are counted.

    age_seconds: the length of histograms; 0 where ages are not known. most: how many pools are
    kept.
    fixed: no pool is added; what belongs to none of them is not counted.
    """

    pools: dict[Ends, CountedPool] = field(default_factory=dict)
    overflow: int = 0
    age_seconds: int = 0
    most: int = MAX_POOLS
    fixed: bool = False

    def add(
        self,
        ends: Ends,
        age_ms: int,
        *,
        reclaimable: bool = False,
        entered: bool,
        outside: bool = False,
    ) -> None:
        """Count one entry: age_ms in TIME_WAIT, or LIVE."""
        pool = self.pools.get(ends) or self._new(ends)
        if pool is None:
            return
        pool.ports += 1
        pool.outside += outside
        if age_ms != LIVE:
            age = age_ms // 1000
            pool.ages[age] = pool.ages.get(age, 0) + 1
            pool.time_wait += 1
            pool.reclaimable += reclaimable
            pool.entered += entered

    def add_tracked(self, ends: Ends, *, time_wait: bool, reclaimable: bool) -> None:
        """Count one connection of a NAT pool; its age is not known."""
        pool = self.pools.get(ends) or self._new(ends)
        if pool is not None:
            pool.ports += 1
            pool.time_wait += time_wait
            pool.reclaimable += reclaimable

    def _new(self, ends: Ends) -> CountedPool | None:
        if self.fixed:
            return None
        if len(self.pools) >= self.most:
            self.overflow += 1
            return None
        pool = self.pools[ends] = CountedPool()
        return pool

    def result(self, rules: RowRules) -> PoolTally:
        """Split the pools into rows and others."""
        watched = {key[:4] for key in rules.watched}  # the fields of Ends
        ranks = (pool.ranked_by(rules) for pool in self.pools.values())
        enough = [rank for rank in ranks if rank >= rules.min_used]
        least = max(_row_threshold(enough, rules.max_rows) + 1, rules.min_used)
        told_apart = {
            ends
            for ends, pool in self.pools.items()
            if pool.ranked_by(rules) >= least or ends in watched
        }
        rows = {
            PoolKey(*ends): pool.frozen(self.age_seconds)
            for ends, pool in self.pools.items()
            if ends in told_apart
        }
        others = [pool for ends, pool in self.pools.items() if ends not in told_apart]
        groups = self._groups(rules.groups)
        return PoolTally(rows, _sum(others, self.age_seconds), self.overflow, groups)

    def _groups(self, networks: Sequence[GroupNetwork]) -> dict[GroupedKey, OtherPools]:
        members: dict[GroupedKey, list[CountedPool]] = {}
        for (local, remote, port, scope), pool in self.pools.items() if networks else ():
            group = _group_of(remote, networks)
            key = None if group is None else GroupedKey(local, group, port, scope)
            if key is not None and (key in members or len(members) < MAX_GROUP_POOLS):
                members.setdefault(key, []).append(pool)
        return {key: _sum(pools, self.age_seconds) for key, pools in members.items()}


def _group_of(address: bytes, networks: Sequence[GroupNetwork]) -> int | None:
    """Return the number of the group that an address belongs to; networks: as in RowRules."""
    place = bisect_right(networks, address, key=lambda network: network.address)
    if not place:
        return None
    found = networks[place - 1]
    return found.group if NetworkPorts(found.address, found.prefix).has(address, 0) else None


def nat_pools(rules: NatRules) -> Pools:
    """Return the pools for counting tracked connections."""
    if rules.translated:
        return Pools()
    return Pools({key[:4]: CountedPool() for key in rules.rows.watched}, fixed=True)


class NatClients:
    """The connections of some NAT pools by client, while they are counted."""

    def __init__(self, pools: Sequence[PoolKey]) -> None:
        self._pools = {key[:4]: key for key in pools}
        self._counts: dict[PoolKey, dict[bytes, int]] = {}
        self._clients = 0

    def wants(self, ends: Ends) -> bool:
        """Tell whether the pool's connections are counted by client."""
        return ends in self._pools

    def add(self, ends: Ends, client: bytes) -> None:
        """Count a connection of such a pool; client: the address that opened it."""
        counts = self._counts.get(self._pools[ends], {})
        if client not in counts:
            if self._clients >= MAX_CLIENTS:
                return
            self._clients += 1
        self._counts.setdefault(self._pools[ends], counts)[client] = counts.get(client, 0) + 1

    def result(self) -> dict[PoolKey, dict[bytes, int]]:
        """Return the connections of each client, by pool."""
        return self._counts


def _row_threshold(used: list[int], max_rows: int) -> int:
    """Return the use above which a pool gets a row: at most max_rows rows, equals together."""
    if len(used) <= max_rows:
        return -1
    rows = 0
    for use, pools in sorted(Counter(used).items(), reverse=True):
        if rows + pools > max_rows:
            return use
        rows += pools
    return -1


def _sum(pools: list[CountedPool], age_seconds: int) -> OtherPools:
    ages: Counter[int] = Counter()
    for pool in pools:
        ages.update(pool.ages)
    return OtherPools(
        pools=len(pools),
        most_used=max((pool.used for pool in pools), default=0),
        ports=sum(pool.ports for pool in pools),
        time_wait=sum(pool.time_wait for pool in pools),
        reclaimable=sum(pool.reclaimable for pool in pools),
        entered=sum(pool.entered for pool in pools),
        ages=_packed(ages, age_seconds),
    )


def _packed(ages: Mapping[int, int], age_seconds: int) -> bytes:
    """Return a histogram; ages beyond its length count in its last second."""
    histogram = array("I", bytes(4 * age_seconds))
    if age_seconds:
        for age, entries in ages.items():
            histogram[min(age, age_seconds - 1)] += entries
    return histogram.tobytes()
