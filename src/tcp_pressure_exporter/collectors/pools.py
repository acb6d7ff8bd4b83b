"""Port pools: the fullest by name, totals over all, and how fast ports enter TIME_WAIT.

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
    """Return a row for each listed pool, unless the value is None."""

    def rows(sample: NamespaceSample) -> Iterable[Row]:
        for direction, table in sample.pool_tables().items():
            for pool in table.listed:
                value = read(pool)
                if value is not None:
                    ends = (pool.local_address, pool.remote_address, pool.port)
                    yield (direction, *ends), value

    return rows


def per_direction(read: Callable[[PoolTable], float | None]) -> RowReader[NamespaceSample]:
    """Return a row for each direction, unless the value is None."""

    def rows(sample: NamespaceSample) -> Iterable[Row]:
        for direction, table in sample.pool_tables().items():
            value = read(table)
            if value is not None:
                yield (direction,), value

    return rows


USE_FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_pool_ports_used",
        "Ports of the pool that no new connection can use now; the fullest pools only."
        " outbound: local ports to remote_address and port; a lower bound, since sock_diag does"
        " not show which connected sockets were bound to their port first. inbound: the"
        " remote's ports to local_address and port that have a socket here; an upper bound,"
        " since the remote may reuse a port in TIME_WAIT. source: local ports that"
        " bind(local_address, port 0) cannot get; an upper bound where applications set"
        " SO_REUSEADDR. nat: ports of local_address held by tracked connections; a lower bound,"
        " since not every closed connection makes room for a new one. The number of those with"
        " an untranslated source, such as the gateway's own, can be up to 300 s old if there"
        " are many. On systems other than Linux a port may belong to a single connection"
        " whatever its destination, so source says more than outbound there. BSD and macOS do"
        " not show TIME_WAIT.",
        POOL_LABELS,
        per_pool(lambda pool: pool.usage.used),
    ),
    Family(
        "tcp_pressure_pool_ports_limit",
        "Ports that the choosing side of the pool has. outbound and source: the usable local"
        " ports, one fewer if the range has an odd number of ports (the kernel's search may"
        " miss one). inbound: the remote's ports, nat: the ports of local_address, both as"
        " configured. Otherwise inbound assumes 28232 if the remote's ports are those that"
        " Linux chooses by default, and 64512 if not; nat assumes 64512. These are assumptions,"
        " not measurements.",
        POOL_LABELS,
        per_pool(lambda pool: pool.usage.limit),
    ),
    Family(
        "tcp_pressure_pool_time_wait",
        "Ports of the pool held by TIME_WAIT alone, including reclaimable ones. nat: TIME_WAIT"
        " of conntrack. Not shown by BSD and macOS.",
        POOL_LABELS,
        per_pool(lambda pool: pool.usage.time_wait),
    ),
    Family(
        "tcp_pressure_pool_reclaimable",
        "Ports that are held but not used up. outbound: ports in TIME_WAIT that connect() can"
        " take over through tcp_tw_reuse. Near the limit the kernel is asked about a few of"
        " them in each sample, which uses up at most four of a pool; the share that it refuses"
        " counts as used. If the kernel is not asked, this is too high when the peer sends no"
        " timestamps or the client binds. nat: ports of closed connections, which Linux 6.5 or"
        " later ends when a new one finds no port, though not every one of them for every new"
        " one. Linux only.",
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
        " outbound: at least the ratio that a pool to a new destination would start with,"
        " because of ports blocked by bound sockets and listeners; 1 if there is no port to"
        " choose. Errs in the same direction as tcp_pressure_pool_ports_used. Each address"
        " counts separately, also within a group. Can exceed 1 by one port if the range has an"
        " odd number of ports.",
        DIRECTION_LABELS,
        per_direction(lambda table: table.ratio_max),
    ),
    Family(
        "tcp_pressure_pool_ratio_max_1m",
        "Highest tcp_pressure_pool_ratio_max in the samples of the last 60 s: what scrapes"
        " less frequent than samples would miss.",
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
        "Sockets that belong to no pool because there are more pools (or local addresses) than"
        " the exporter tracks. If above 0, the other pool metrics are too low; ports of"
        " listeners on untracked addresses count for every address, so source pools are too"
        " high.",
        DIRECTION_LABELS,
        per_direction(lambda table: table.overflow_sockets),
    ),
)

# Where both counters are inexact.
ERRS = (
    " Read from the ages of the TIME_WAIT entries, so it is exact at any sample interval up to"
    " the length of TIME_WAIT. Too low if entries leave early (taken over by tcp_tw_reuse or a"
    " SYN, or reset) or never exist (above tcp_max_tw_buckets). A close counts once, however"
    " often a stray segment restarts the timer of its entry. Through psutil it is computed from"
    " the differences between samples: too low if an entry comes and goes between two of them,"
    " and absent until one TIME_WAIT after the start."
)


def _outlook(read: Callable[[Outlook], float]) -> RowReader[NamespaceSample]:
    return per_pool(lambda pool: None if pool.outlook is None else read(pool.outlook))


def _churn(read: Callable[[Churn], float]) -> RowReader[NamespaceSample]:
    return per_direction(lambda table: None if table.churn is None else read(table.churn))


CHURN_FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_pool_time_wait_entered_total",
        "Connections of the pool that entered TIME_WAIT here since the pool was first listed."
        " Counting continues while the pool is not listed, and restarts only if more than 256"
        " other pools of its direction were listed meanwhile." + ERRS,
        POOL_LABELS,
        per_pool(lambda pool: None if pool.outlook is None else pool.entered_total),
        kind="counter",
    ),
    Family(
        "tcp_pressure_pool_closes_per_second_max_1m",
        "Most connections of the pool that entered TIME_WAIT in any one second of the last 60"
        " s, or of TIME_WAIT if that is shorter. Errs in the same direction as"
        " tcp_pressure_pool_time_wait_entered_total, and is too high if stray segments restart"
        " TIME_WAIT. Through psutil it is the average over an interval.",
        POOL_LABELS,
        _outlook(lambda outlook: outlook.peak_closes),
    ),
    Family(
        "tcp_pressure_pool_sustainable_closes_per_second",
        "Connections per second that can enter TIME_WAIT permanently without filling the pool,"
        " given its live connections: (limit − live) ÷ tcp_pressure_time_wait_hold_seconds, or"
        " ÷ tcp_tw_reuse_delay (in whole seconds, rounded up) if connect() takes over such"
        " ports. For a group it is the sum.",
        POOL_LABELS,
        _outlook(lambda outlook: outlook.sustainable_closes),
    ),
    Family(
        "tcp_pressure_pool_steady_state_ratio",
        "The ratio of used ports to limit that the pool approaches if the closes of the last"
        " 10 s continue: (live + closes per second × the seconds that TIME_WAIT keeps a port) ÷"
        " limit. Above 1 the pool will run out. An upper bound for an inbound pool: a remote"
        " that reuses a port in TIME_WAIT takes no additional one.",
        POOL_LABELS,
        _outlook(lambda outlook: outlook.steady_state_ratio),
    ),
    Family(
        "tcp_pressure_pool_exhaustion_seconds",
        "Forecast of the seconds until the pool is full, from the known releases of its"
        " TIME_WAIT ports and the inflow of the last 10 s, assumed constant; bursts that are"
        " over and closes that took no port are excluded. 0 if the pool is full, or if the"
        " kernel refused one of its connections for lack of a port within the last minute; +Inf"
        " if it will not be full within 10 minutes. Sudden changes cannot be predicted. For a"
        " group: the first of its addresses to be full.",
        POOL_LABELS,
        _outlook(lambda outlook: outlook.exhaustion_seconds),
    ),
    Family(
        "tcp_pressure_time_wait_entered_total",
        "Connections of all pools of the direction that entered TIME_WAIT here since the"
        " exporter's start." + ERRS,
        DIRECTION_LABELS,
        _churn(lambda churn: churn.entered_total),
        kind="counter",
    ),
    Family(
        "tcp_pressure_closes_per_second_max_1m",
        "Most connections of all pools of the direction that entered TIME_WAIT in any one"
        " second of the last 60 s, or of TIME_WAIT if that is shorter. Errs in the same"
        " direction as tcp_pressure_time_wait_entered_total, and is too high if stray segments"
        " restart TIME_WAIT.",
        DIRECTION_LABELS,
        _churn(lambda churn: churn.peak_closes),
    ),
    Family(
        "tcp_pressure_pool_exhaustion_seconds_min",
        "Lowest tcp_pressure_pool_exhaustion_seconds of the direction, over the 512 fullest"
        " pools that are full enough to be listed. outbound: 0 if a pool to a new destination"
        " would be full, even if there is no pool, or if any connection was refused for lack of"
        " a port within the last minute.",
        DIRECTION_LABELS,
        _churn(lambda churn: churn.exhaustion_seconds),
    ),
)

FAMILIES = (*USE_FAMILIES, *CHURN_FAMILIES)
