"""The owners of the live sockets of outbound pools near their limit.

Exposition:

    tcp_pressure_pool_owner_sockets{netns="host",direction="outbound",local_address="10.0.0.2",
        remote_address="10.0.0.9",port="443",service="nginx.service",process="nginx"} 1204.0
"""

from collections.abc import Iterator

from tcp_pressure_exporter.collectors.family import Family, Row, rows_of
from tcp_pressure_exporter.collectors.pools import POOL_LABELS
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.near_limit.closer_look import PoolOwners
from tcp_pressure_exporter.sample.sample import POOL_OWNERS, NamespaceSample


def _rows(found: tuple[PoolOwners, ...]) -> Iterator[Row]:
    for pool, owners, _states in found:
        ends = (pool.local_address, pool.remote_address, pool.port)
        for one in owners:
            yield (OUTBOUND, *ends, one.owner.service, one.owner.process), one.sockets


FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_pool_owner_sockets",
        "Live sockets of an outbound pool by the systemd unit or container that created them,"
        " and by process; the two owners with the most recently, in up to three pools that, in the"
        " last five minutes, were 70 % full, due to be full within a minute, or refused"
        " connections. Up to 60 s old. 0 means seen in the last five minutes, but not in the latest"
        " look."
        " TIME_WAIT has no owner: whoever has the live sockets most likely closed the others."
        " process is empty where the exporter is not permitted to look, or has not looked yet."
        " Not known through psutil.",
        (*POOL_LABELS, "service", "process"),
        rows_of(POOL_OWNERS, _rows),
    ),
)
