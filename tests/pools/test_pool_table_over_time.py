"""What a table says about earlier samples: the highest ratio, closes, growth, and the outlook."""

import math
from collections.abc import Mapping
from ipaddress import ip_network

import pytest

from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.pools.directions import DirectionPools
from tcp_pressure_exporter.pools.groups import GroupKey, RemoteGroup, RemoteGroups
from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.pools.memory import PoolMemory
from tcp_pressure_exporter.pools.table import Churn, PoolTable, pool_table
from tcp_pressure_exporter.pools.usage import Usage
from tests.support.fakes.tallies import histogram
from tests.support.messages.socket_entries import sixteen_bytes

LB = RemoteGroups([RemoteGroup("lb", (ip_network("10.0.1.0/24"),))])


def key(remote: str) -> PoolKey:
    return PoolKey(sixteen_bytes("10.0.0.2"), sixteen_bytes(remote), b"\x01\xbb")


A, B = key("10.0.0.8"), key("10.0.0.9")


def live(ports: int, entered: int = 0) -> Usage:
    return Usage(ports, 1000, 0, 0, entered, ages=histogram({}))


def closing(ports: int, rate: int) -> Usage:
    """Return a pool with that many used ports, of which those of the last ten seconds wait."""
    return Usage(ports, 1000, 10 * rate, 0, ages=histogram(dict.fromkeys(range(10), rate)))


class Direction:
    """One direction, sampled repeatedly every five seconds."""

    def __init__(self, groups: RemoteGroups | None = None, top: int = 10) -> None:
        self.groups = groups or RemoteGroups()
        self.listing = ListingRule(top=top)
        self.memory = PoolMemory()
        self.now = 1000.0

    def sample(self, pools: Mapping[PoolKey, Usage], ages: bytes | None = None) -> PoolTable:
        self.now += 5
        entered = sum(usage.entered for usage in pools.values())
        usages = DirectionPools(
            pools, entered=entered, ages=histogram({}) if ages is None else ages
        )
        table, self.memory = pool_table(usages, self.groups, self.listing, self.memory, self.now)
        return table


def test_highest_ratio_of_a_minute() -> None:
    """A peak is seen in the samples of a minute, whichever pool had it."""
    direction = Direction()
    ratios = [direction.sample({A: live(900)})]
    ratios += [direction.sample({B: live(100)}) for _ in range(12)]
    assert [table.ratio_max for table in ratios] == [0.9, *[0.1] * 12]
    assert [table.ratio_max_1m for table in ratios] == [*[0.9] * 12, 0.1]


def test_closes_add_up() -> None:
    """Counters go on from sample to sample; a pool's begins when it is first listed."""
    direction = Direction(top=1)
    tables = [
        direction.sample({A: live(500, entered=3), B: live(100, entered=10)}),
        direction.sample({A: live(500, entered=4), B: live(700, entered=20)}),
        direction.sample({A: live(900, entered=5), B: live(700, entered=30)}),
    ]
    shown = [(pool.key, pool.entered_total) for table in tables for pool in table.listed]
    assert shown == [(A, 3), (B, 20), (A, 3 + 4 + 5)]
    totals = [table.churn.entered_total for table in tables if table.churn]
    assert totals == [13, 37, 72]


def test_watched_pools() -> None:
    """Pools that have a counter are watched; a group, all of whose addresses are seen, is not."""
    direction = Direction(LB, top=1)
    direction.sample({A: live(500), B: live(100)})
    direction.sample({A: live(100), B: live(500)})
    direction.sample({key("10.0.1.1"): live(900), B: live(100)})
    assert sorted(direction.memory.watched) == [A, B]
    assert GroupKey(A.local_address, "lb", A.port) in direction.memory.closes.pools


def test_forecast_of_growth() -> None:
    """Live connections that grow fill a pool: 400 free ports at 20 a second last 20 s."""
    direction = Direction()
    tables = [direction.sample({A: live(ports)}) for ports in range(100, 601, 100)]
    forecasts = [pool.outlook for table in tables for pool in table.listed]
    assert [found.exhaustion_seconds for found in forecasts if found] == [
        math.inf,  # one sample says nothing about growth
        *(pytest.approx((1000 - ports) / 20) for ports in range(200, 601, 100)),
    ]


def test_growth_of_a_moment() -> None:
    """A step counts over at least ten seconds: 300 more ports of 900 are 30 a second at most."""
    direction = Direction()
    for _ in range(3):
        direction.sample({A: live(100)})
    churn = direction.sample({A: live(400)}).churn
    assert churn is not None
    assert 600 / 30 <= churn.exhaustion_seconds < math.inf


def test_first_of_all_pools() -> None:
    """A direction has the end of its first pool, and the peak of all closes together."""
    direction = Direction(top=1)
    ages = histogram({0: 30, 7: 45, 60: 99})
    table = direction.sample({A: live(900), B: closing(800, 20)}, ages)
    # 200 free ports at 20 a second last 10 s; A is fuller, and listed, but nothing happens there.
    assert [pool.key for pool in table.listed] == [A]
    assert table.churn is not None
    assert table.churn.peak_closes == 45
    assert table.churn.exhaustion_seconds == pytest.approx(10.0)


def test_first_of_a_group() -> None:
    """A group ends when the first of its addresses does, however many ports the others have."""
    direction = Direction(LB)
    pools = {key("10.0.1.1"): closing(600, 20), key("10.0.1.2"): live(10), A: closing(700, 20)}
    [group] = [pool for pool in direction.sample(pools).listed if pool.remote_address == "lb"]
    assert group.usage.limit == 2000
    assert group.outlook is not None
    assert group.outlook.exhaustion_seconds == pytest.approx(20.0)


def test_nothing_in_sight() -> None:
    """Without a pool, and without churn, no end is in sight."""
    direction = Direction()
    assert direction.sample({}).churn == Churn(0, 0, math.inf)
    assert direction.sample({A: live(5)}).churn == Churn(0, 0, math.inf)


def test_unknown_ages() -> None:
    """A direction that does not know when its ports were closed has no churn, nor an outlook."""
    usages = DirectionPools({A: Usage(500, 1000, 100, None)})
    table, _memory = pool_table(usages, RemoteGroups(), ListingRule(), PoolMemory(), 1000.0)
    assert table.churn is None
    assert [pool.outlook for pool in table.listed] == [None]
