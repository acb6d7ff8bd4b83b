"""Rows of metrics about single pools, and about all pools of a direction."""

from collections.abc import Callable, Iterable

from tcp_pressure_exporter.collectors.family import Row
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable
from tcp_pressure_exporter.sample.sample import NamespaceSample

POOL_LABELS = ("netns", "direction", "local_address", "remote_address", "port")
DIRECTION_LABELS = ("netns", "direction")

Rows = Callable[[NamespaceSample], Iterable[Row]]


def per_pool(read: Callable[[ListedPool], float | None]) -> Rows:
    """Return the rows of a value of each listed pool; where it is None there is no row."""

    def rows(sample: NamespaceSample) -> Iterable[Row]:
        for direction, table in sample.pool_tables().items():
            for pool in table.listed:
                value = read(pool)
                if value is not None:
                    ends = (pool.local_address, pool.remote_address, pool.port)
                    yield (direction, *ends), value

    return rows


def per_direction(read: Callable[[PoolTable], float | None]) -> Rows:
    """Return the rows of a value of each direction; where it is None there is no row."""

    def rows(sample: NamespaceSample) -> Iterable[Row]:
        for direction, table in sample.pool_tables().items():
            value = read(table)
            if value is not None:
                yield (direction,), value

    return rows
