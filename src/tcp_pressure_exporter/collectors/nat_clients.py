"""Which clients of a NAT gateway hold the ports of its fullest pools.

Exposition:

    tcp_pressure_nat_pool_client_ports_used{netns="host",direction="nat",
        local_address="203.0.113.7",remote_address="198.51.100.9",port="443",
        client="10.0.0.17"} 4012.0
"""

from collections.abc import Iterator

from tcp_pressure_exporter.collectors.family import Family, Row, rows_of
from tcp_pressure_exporter.collectors.pools import POOL_LABELS
from tcp_pressure_exporter.pools.directions import NAT
from tcp_pressure_exporter.pools.table import PoolTable
from tcp_pressure_exporter.sample.sample import NAT_POOLS, NamespaceSample


def _rows(table: PoolTable) -> Iterator[Row]:
    for pool in table.listed:
        ends = (pool.local_address, pool.remote_address, pool.port)
        for client, ports in pool.clients:
            yield (NAT, *ends, client), ports


FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_nat_pool_client_ports_used",
        "Ports of a nat pool held by connections of one client, identified by the address that"
        " opened them, or by namespace/pod where the node knows whose that is; the three clients"
        " with the most, in up to three of the fullest listed pools that are not groups. Closed"
        " connections count as long as they are tracked; at most 8192 clients are counted."
        " Available from the second sample that lists the pool.",
        (*POOL_LABELS, "client"),
        rows_of(NAT_POOLS, _rows),
    ),
)
