"""Port pools: the fullest ones by name, and totals over all of them.

Exposition:

    tcp_pressure_pool_ports_used{netns="host",direction="outbound",local_address="10.0.0.2",
        remote_address="10.0.0.9",port="443"} 20411.0
    tcp_pressure_pool_ports_limit{...} 28232.0
    tcp_pressure_pool_time_wait{...} 20402.0
    tcp_pressure_pool_reclaimable{...} 0.0
    tcp_pressure_pools{netns="host",direction="outbound"} 41.0
    tcp_pressure_pool_ratio_max{netns="host",direction="outbound"} 0.723
    tcp_pressure_pool_ratio_max_1m{netns="host",direction="outbound"} 0.881
    tcp_pressure_unlisted_pool_ports_used{netns="host",direction="outbound"} 55.0
    tcp_pressure_pool_overflow_sockets{netns="host",direction="outbound"} 0.0
"""

from tcp_pressure_exporter.collectors.family import Family
from tcp_pressure_exporter.collectors.pool_rows import (
    DIRECTION_LABELS,
    POOL_LABELS,
    per_direction,
    per_pool,
)
from tcp_pressure_exporter.sample.sample import NamespaceSample

FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_pool_ports_used",
        "Ports of the pool that no new connection can take now. The fullest pools only. outbound:"
        " local ports towards remote_address and port; a lower bound, since sock_diag does not tell"
        " which connected sockets were bound to their port before. inbound: the remote's ports"
        " towards local_address and port with a socket here; an upper bound, since the remote may"
        " reuse one in TIME_WAIT. source: local ports that bind(local_address, port 0) cannot get;"
        " an upper bound where applications set SO_REUSEADDR. nat: ports of local_address that this"
        " gateway has given to others' connections; a lower bound, since its own take such ports"
        " too, and not every closed connection gives way to a new one. Other systems than Linux may"
        " give a port to one connection alone, whatever its destination: there source tells more"
        " than outbound. BSD and macOS show no TIME_WAIT.",
        POOL_LABELS,
        per_pool(lambda pool: pool.usage.used),
    ),
    Family(
        "tcp_pressure_pool_ports_limit",
        "Ports that the choosing side of the pool has. outbound and source: the usable local ports,"
        " one less where the range has an odd number of ports (the kernel's search may miss one)."
        " inbound: the remote's, nat: those of local_address; both 64512 unless configured, which"
        " is an assumption, not a measurement.",
        POOL_LABELS,
        per_pool(lambda pool: pool.usage.limit),
    ),
    Family(
        "tcp_pressure_pool_time_wait",
        "Ports of the pool that TIME_WAIT alone holds, the reclaimable ones included. nat: that of"
        " conntrack. BSD and macOS do not show it.",
        POOL_LABELS,
        per_pool(lambda pool: pool.usage.time_wait),
    ),
    Family(
        "tcp_pressure_pool_reclaimable",
        "Ports that are held and yet not used up. outbound: in TIME_WAIT, where a connect() takes"
        " them over by tcp_tw_reuse; too high where the peer sends no timestamps. nat: of closed"
        " connections, which Linux ends from 6.5 on where a new one finds no port; not each of"
        " them for any new one. Linux only.",
        POOL_LABELS,
        per_pool(lambda pool: pool.usage.reclaimable),
    ),
    Family(
        "tcp_pressure_pools",
        "Pools with at least one socket, listed or not.",
        DIRECTION_LABELS,
        per_direction(lambda table: table.count),
    ),
    Family(
        "tcp_pressure_pool_ratio_max",
        "Highest ratio of used ports to limit over all pools of the direction, listed or not."
        " Errs as tcp_pressure_pool_ports_used does. Every address counts for itself, also inside a"
        " group. May exceed 1 by one port where the range has an odd number of ports.",
        DIRECTION_LABELS,
        per_direction(lambda table: table.ratio_max),
    ),
    Family(
        "tcp_pressure_pool_ratio_max_1m",
        "Highest tcp_pressure_pool_ratio_max at the samples of the last 60 s: what a scrape less"
        " frequent than the sampling would miss.",
        DIRECTION_LABELS,
        per_direction(lambda table: table.ratio_max_1m),
    ),
    Family(
        "tcp_pressure_unlisted_pool_ports_used",
        "Sum of the used ports of all pools that have no series of their own.",
        DIRECTION_LABELS,
        per_direction(lambda table: table.unlisted_ports_used),
    ),
    Family(
        "tcp_pressure_pool_overflow_sockets",
        "Sockets that count in no pool because there are more pools (or local addresses) than the"
        " exporter keeps. Above 0 the other pool metrics are too low.",
        DIRECTION_LABELS,
        per_direction(lambda table: table.overflow_sockets),
    ),
)
