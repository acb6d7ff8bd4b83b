"""How fast ports go into TIME_WAIT, how fast they may, and how long they last.

Exposition:

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

from collections.abc import Callable

from tcp_pressure_exporter.collectors.family import Family
from tcp_pressure_exporter.collectors.pool_rows import (
    DIRECTION_LABELS,
    POOL_LABELS,
    Rows,
    per_direction,
    per_pool,
)
from tcp_pressure_exporter.pools.forecast import Outlook
from tcp_pressure_exporter.pools.table import Churn
from tcp_pressure_exporter.sample.sample import NamespaceSample

# Where both counters err.
ERRS = (
    " Read from the ages of the TIME_WAIT entries, so exact at any sample interval up to 60 s. Too"
    " low where entries leave before their minute is over (taken over by tcp_tw_reuse or a SYN,"
    " reset) or never come (beyond tcp_max_tw_buckets); too high where a duplicate FIN begins an"
    " entry's minute again. Through psutil from the differences between samples: too low where an"
    " entry comes and goes between two; absent until one TIME_WAIT after the start."
)


def _outlook(read: Callable[[Outlook], float]) -> Rows:
    return per_pool(lambda pool: None if pool.outlook is None else read(pool.outlook))


def _churn(read: Callable[[Churn], float]) -> Rows:
    return per_direction(lambda table: None if table.churn is None else read(table.churn))


FAMILIES: tuple[Family[NamespaceSample], ...] = (
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
        "Most connections of the pool that entered TIME_WAIT in any one second of the last 60 s."
        " Errs as tcp_pressure_pool_time_wait_entered_total does; through psutil the average over"
        " an interval.",
        POOL_LABELS,
        _outlook(lambda outlook: outlook.peak_closes),
    ),
    Family(
        "tcp_pressure_pool_sustainable_closes_per_second",
        "Connections per second that may enter TIME_WAIT for good without filling the pool beside"
        " its live ones: (limit − live) ÷ the seconds TIME_WAIT holds a port, 62.05 on Linux, or"
        " tcp_tw_reuse_delay (in whole seconds, rounded up) where connect() takes such ports over."
        " That of a group is the sum.",
        POOL_LABELS,
        _outlook(lambda outlook: outlook.sustainable_closes),
    ),
    Family(
        "tcp_pressure_pool_steady_state_ratio",
        "The ratio of used ports to limit that the closes of the last 10 s lead to if they go on:"
        " (live + closes per second × the seconds TIME_WAIT holds a port) ÷ limit. Above 1 the pool"
        " will run out.",
        POOL_LABELS,
        _outlook(lambda outlook: outlook.steady_state_ratio),
    ),
    Family(
        "tcp_pressure_pool_exhaustion_seconds",
        "Forecast of the seconds until the pool is full, from the releases of its TIME_WAIT ports,"
        " which are known, and the inflow, taken to stay as it is; 0 where it is full, +Inf where"
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
        " the last 60 s. Errs as tcp_pressure_time_wait_entered_total does.",
        DIRECTION_LABELS,
        _churn(lambda churn: churn.peak_closes),
    ),
    Family(
        "tcp_pressure_pool_exhaustion_seconds_min",
        "Lowest tcp_pressure_pool_exhaustion_seconds of the direction, over the 512 fullest pools"
        " that are full enough to be listed.",
        DIRECTION_LABELS,
        _churn(lambda churn: churn.exhaustion_seconds),
    ),
)
