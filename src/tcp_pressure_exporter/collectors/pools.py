"""Port pools: the fullest by name, totals over all, and how fast ports go into TIME_WAIT.

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
    tcp_pressure_pool_time_wait_entered_total{netns="host",direction="outbound",
        local_address="10.0.0.2",remote_address="10.0.0.9",port="443"} 120411.0
    tcp_pressure_pool_closes_per_second_max_1m{...} 512.0
    tcp_pressure_pool_sustainable_closes_per_second{...} 454.8
    tcp_pressure_pool_steady_state_ratio{...} 0.93
    tcp_pressure_pool_exhaustion_seconds{...} 38.2
    tcp_pressure_time_wait_entered_total{netns="host",direction="outbound"} 190322.0
    tcp_pressure_closes_per_second_max_1m{netns="host",direction="outbound"} 530.0
    tcp_pressure_pool_exhaustion_seconds_min{netns="host",direction="outbound"} 38.2
"""

from collections.abc import Callable, Iterable

from tcp_pressure_exporter.collectors.family import Family, Row, RowReader
from tcp_pressure_exporter.pools.forecast import Outlook
from tcp_pressure_exporter.pools.table import Churn, ListedPool, PoolTable
from tcp_pressure_exporter.sample.sample import NamespaceSample

POOL_LABELS = ("netns", "direction", "local_address", "remote_address", "port")
DIRECTION_LABELS = ("netns", "direction")


def per_pool(read: Callable[[ListedPool], float | None]) -> RowReader[NamespaceSample]:
    """Return the rows of a value of each listed pool; where it is None there is no row."""

    def rows(sample: NamespaceSample) -> Iterable[Row]:
        for direction, table in sample.pool_tables().items():
            for pool in table.listed:
                value = read(pool)
                if value is not None:
                    ends = (pool.local_address, pool.remote_address, pool.port)
                    yield (direction, *ends), value

    return rows


def per_direction(read: Callable[[PoolTable], float | None]) -> RowReader[NamespaceSample]:
    """Return the rows of a value of each direction; where it is None there is no row."""

    def rows(sample: NamespaceSample) -> Iterable[Row]:
        for direction, table in sample.pool_tables().items():
            value = read(table)
            if value is not None:
                yield (direction,), value

    return rows


USE_FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_pool_ports_used",
        "Ports of the pool that no new connection can take now. The fullest pools only. outbound:"
        " local ports towards remote_address and port; a lower bound, since sock_diag does not tell"
        " which connected sockets were bound to their port before. inbound: the remote's ports"
        " towards local_address and port with a socket here; an upper bound, since the remote may"
        " reuse one in TIME_WAIT. source: local ports that bind(local_address, port 0) cannot get;"
        " an upper bound where applications set SO_REUSEADDR. nat: ports of local_address that"
        " tracked connections hold; a lower bound, since not every closed one gives way to a new"
        " one. The number of those with an untranslated source, such as the gateway's own, is up to"
        " 300 s old where there are many. Other systems than Linux may"
        " give a port to one connection alone, whatever its destination: there source tells more"
        " than outbound. BSD and macOS show no TIME_WAIT.",
        POOL_LABELS,
        per_pool(lambda pool: pool.usage.used),
    ),
    Family(
        "tcp_pressure_pool_ports_limit",
        "Ports that the choosing side of the pool has. outbound and source: the usable local ports,"
        " one less where the range has an odd number of ports (the kernel's search may miss one)."
        " inbound: the remote's, nat: those of local_address, as configured. Else an inbound remote"
        " has 28232 where its ports are those that Linux chooses by default, and 64512 where not;"
        " nat has 64512. These are assumptions, no measurements.",
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
        " them over by tcp_tw_reuse. Near the limit the kernel is asked about a few at each sample;"
        " this uses up at most four of a pool, and the share that it refuses counts as used. Where"
        " it is not asked, too high if the peer sends no timestamps or the client binds. nat: of"
        " closed connections, which Linux ends from 6.5 on where a new one finds no port; not each"
        " of them for any new one. Linux only.",
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
        "Highest ratio of used ports to limit over all pools of the direction, listed or not;"
        " outbound: at least that of a pool to a new destination, which begins with the blocked"
        " ports that bound sockets and listeners hold, and 1 where there is no port to choose."
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
        " exporter keeps. Above 0 the other pool metrics are too low; ports of listeners on"
        " addresses too many count for every address, and source pools are too high.",
        DIRECTION_LABELS,
        per_direction(lambda table: table.overflow_sockets),
    ),
)

# Where both counters err.
ERRS = (
    " Read from the ages of the TIME_WAIT entries, so exact at any sample interval up to the length"
    " of TIME_WAIT. Too low where entries leave before it is over (taken over by tcp_tw_reuse or a"
    " SYN, reset) or never come (beyond tcp_max_tw_buckets). A close counts once, however often a"
    " stray segment restarts its entry's time. Through psutil from the differences between samples:"
    " too low where one comes and goes between two; absent until one TIME_WAIT after the start."
)


def _outlook(read: Callable[[Outlook], float]) -> RowReader[NamespaceSample]:
    return per_pool(lambda pool: None if pool.outlook is None else read(pool.outlook))


def _churn(read: Callable[[Churn], float]) -> RowReader[NamespaceSample]:
    return per_direction(lambda table: None if table.churn is None else read(table.churn))


CHURN_FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_pool_time_wait_entered_total",
        "Connections of the pool that entered TIME_WAIT here, since the pool was first listed; it"
        " goes on while the pool is not listed, and starts again only where more than 256 others"
        " of its direction were listed since." + ERRS,
        POOL_LABELS,
        per_pool(lambda pool: None if pool.outlook is None else pool.entered_total),
        kind="counter",
    ),
    Family(
        "tcp_pressure_pool_closes_per_second_max_1m",
        "Most connections of the pool that entered TIME_WAIT in any one second of the last 60 s,"
        " or of TIME_WAIT's length. Errs as tcp_pressure_pool_time_wait_entered_total does, and is"
        " too high where stray segments restart TIME_WAIT; through psutil the average over an"
        " interval.",
        POOL_LABELS,
        _outlook(lambda outlook: outlook.peak_closes),
    ),
    Family(
        "tcp_pressure_pool_sustainable_closes_per_second",
        "Connections per second that may enter TIME_WAIT for good without filling the pool beside"
        " its live ones: (limit − live) ÷ tcp_pressure_time_wait_hold_seconds, or"
        " tcp_tw_reuse_delay (in whole seconds, rounded up) where connect() takes such ports over."
        " That of a group is the sum.",
        POOL_LABELS,
        _outlook(lambda outlook: outlook.sustainable_closes),
    ),
    Family(
        "tcp_pressure_pool_steady_state_ratio",
        "The ratio of used ports to limit that the closes of the last 10 s lead to if they go on:"
        " (live + closes per second × the seconds TIME_WAIT keeps a port) ÷ limit. Above 1 the pool"
        " will run out. Of an inbound pool an upper bound: a remote that reuses a port in TIME_WAIT"
        " takes none.",
        POOL_LABELS,
        _outlook(lambda outlook: outlook.steady_state_ratio),
    ),
    Family(
        "tcp_pressure_pool_exhaustion_seconds",
        "Forecast of the seconds until the pool is full, from the releases of its TIME_WAIT ports,"
        " which are known, and the inflow of the last 10 s, taken to stay as it is; bursts that are"
        " over and closes that took no port are left out. 0 where it is full, or the kernel refused"
        " one of its connections for want of a port within the last minute, +Inf where"
        " nothing is in sight for 10 minutes. A sudden change cannot be foreseen. Of a group: the"
        " first of its addresses.",
        POOL_LABELS,
        _outlook(lambda outlook: outlook.exhaustion_seconds),
    ),
    Family(
        "tcp_pressure_time_wait_entered_total",
        "Connections of all pools of the direction that entered TIME_WAIT here, since the exporter"
        " started." + ERRS,
        DIRECTION_LABELS,
        _churn(lambda churn: churn.entered_total),
        kind="counter",
    ),
    Family(
        "tcp_pressure_closes_per_second_max_1m",
        "Most connections of all pools of the direction that entered TIME_WAIT in any one second of"
        " the last 60 s, or of TIME_WAIT's length. Errs as tcp_pressure_time_wait_entered_total"
        " does, and is too high where stray segments restart TIME_WAIT.",
        DIRECTION_LABELS,
        _churn(lambda churn: churn.peak_closes),
    ),
    Family(
        "tcp_pressure_pool_exhaustion_seconds_min",
        "Lowest tcp_pressure_pool_exhaustion_seconds of the direction, over the 512 fullest pools"
        " that are full enough to be listed; outbound: 0 where a pool to a new destination would be"
        " full, whether there is any pool or not, or any connection was refused for want of a port"
        " within the last minute.",
        DIRECTION_LABELS,
        _churn(lambda churn: churn.exhaustion_seconds),
    ),
)

FAMILIES = (*USE_FAMILIES, *CHURN_FAMILIES)
