"""Tallies written by hand, for tests of what is made of them."""

from collections.abc import Mapping
from dataclasses import replace

from tcp_pressure_exporter.kernel.tally import (
    AGE_SECONDS,
    OtherPools,
    PoolCount,
    PoolKey,
    PoolTally,
    SocketTally,
)

NO_POOLS = PoolTally({}, OtherPools(), 0)
EMPTY = SocketTally(
    states={},
    held=0,
    by_address={},
    address_overflow=0,
    outbound=NO_POOLS,
    inbound=NO_POOLS,
    kept=(),
    kept_overflow=0,
)

Counts = tuple[int, int, int]  # ports, of these in TIME_WAIT, of these reclaimable


def count(ports: int, time_wait: int, reclaimable: int) -> PoolCount:
    """Return a pool of which ages are not known."""
    return PoolCount(ports, time_wait, reclaimable, entered=0, ages=bytes(4 * AGE_SECONDS))


def pools(rows: Mapping[PoolKey, Counts]) -> PoolTally:
    """Return pools that are all told apart."""
    return replace(NO_POOLS, rows={key: count(*counts) for key, counts in rows.items()})


def counts(tally: PoolTally) -> dict[PoolKey, Counts]:
    """Return the counts of pools that must all be told apart."""
    assert (tally.others, tally.overflow) == (OtherPools(), 0)
    return {key: (row.ports, row.time_wait, row.reclaimable) for key, row in tally.rows.items()}
