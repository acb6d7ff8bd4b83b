"""Tallies written by hand, for tests of what is made of them."""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import replace

from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally
from tcp_pressure_exporter.facts.close_wait import CloseWaitCounts
from tcp_pressure_exporter.facts.sockets import STATE_NAMES, BoundSocket
from tcp_pressure_exporter.facts.tally import (
    Edge,
    OtherPools,
    PoolCount,
    PoolKey,
    PoolTally,
    SocketTally,
)
from tcp_pressure_exporter.sources.counting.bound import tally_bound

NO_RULES = BoundRules()


def bound_tally(sockets: Iterable[BoundSocket] = (), rules: BoundRules = NO_RULES) -> BoundTally:
    """Return the tally of sockets that own a port."""
    return tally_bound(sockets, rules)


NO_AGES = bytes(4 * 61)  # one for each of TIME_WAIT's 60 s, and one for the rest
NO_POOLS = PoolTally({}, OtherPools(ages=NO_AGES), 0)
EMPTY = SocketTally(
    edge=Edge(0, 0, b""),
    states={(v4, state): 0 for v4 in (True, False) for state in STATE_NAMES},
    held=0,
    by_address={},
    address_overflow=0,
    outbound=NO_POOLS,
    inbound=NO_POOLS,
    close_wait=CloseWaitCounts(),
    kept=(),
    kept_overflow=0,
    privileged=NO_POOLS,
    explicit=NO_POOLS,
)

Counts = tuple[int, int, int]  # ports, those of them in TIME_WAIT, those of these reclaimable


def histogram(closes: Mapping[int, int]) -> bytes:
    """Return a histogram of ages: how many entries are so many whole seconds old."""
    return array("I", (closes.get(age, 0) for age in range(61))).tobytes()


def count(ports: int, time_wait: int, reclaimable: int) -> PoolCount:
    """Return a pool whose ages are unknown."""
    return PoolCount(ports, time_wait, reclaimable, entered=0, ages=NO_AGES)


def pools(rows: Mapping[PoolKey, Counts]) -> PoolTally:
    """Return pools that are all listed."""
    return replace(NO_POOLS, rows={key: count(*counts) for key, counts in rows.items()})


def counts(tally: PoolTally) -> dict[PoolKey, Counts]:
    """Return the counts of pools that must all be listed, with what is in TIME_WAIT."""
    assert (tally.others._replace(ages=b""), tally.overflow) == (OtherPools(), 0)
    assert None not in {row.time_wait for row in tally.rows.values()}
    return {
        key: (row.ports, row.time_wait or 0, row.reclaimable) for key, row in tally.rows.items()
    }
