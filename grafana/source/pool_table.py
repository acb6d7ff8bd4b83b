"""The table of the listed pools: how full, of what, how fast, and for how long yet."""

from grafana.source.forecast import FULL_OR_FAR, seconds_left
from grafana.source.links import to_pool
from grafana.source.query import DIRECTION, POOL_LABELS, Query, rate, ratio, rows, select
from grafana.source.table import CLUSTER, Column, Table, value
from grafana.source.threshold import SECONDS_LEFT, STEADY, ratio_steps, steps
from tcp_pressure_exporter.pools.directions import OUTBOUND

TOP = 100  # rows, however many hosts are chosen
USED, LIMIT = "tcp_pressure_pool_ports_used", "tcp_pressure_pool_ports_limit"
ENTERED = "tcp_pressure_pool_time_wait_entered_total"
BEARS = "tcp_pressure_pool_sustainable_closes_per_second"
STEADY_STATE = "tcp_pressure_pool_steady_state_ratio"
SECONDS = "tcp_pressure_pool_exhaustion_seconds"


def pool_table() -> Table:
    """Return the table, the fullest pool first."""
    return Table(
        title="Port pools",
        meaning="The fullest pools of each direction. Outbound: this host's ports towards one"
        " destination. Inbound: a remote's ports towards one service here. Source: this host's"
        " ports at one address, all destinations together. Closes/s against Bears/s is the rate"
        " against the ceiling; Heads for is the share that the closes of the last 10 s lead to."
        " Source and nat pools have no rates: what they share cannot be dated.",
        normal="Share below 70 %, Full in > 10 min, Heads for below 80 %.",
        action="take the first row. Mostly TIME_WAIT: let its client keep connections open. Hardly"
        " any: the open connections themselves are too many. Click the remote for its history.",
        queries=_queries(),
        unit="none",
        empty="No pool is fuller than 1 % (pools.min_ratio): no pressure on ports.",
        columns=_columns(),
        order=[("Share", True)],
    )


def _queries() -> list[Query]:
    shown = [
        ratio(USED, LIMIT, DIRECTION),
        select(USED, DIRECTION),
        select(LIMIT, DIRECTION),
        select("tcp_pressure_pool_time_wait", DIRECTION),
        select("tcp_pressure_pool_reclaimable", DIRECTION),
        rate(ENTERED, DIRECTION),
        select(BEARS, DIRECTION),
        select(STEADY_STATE, DIRECTION),
        seconds_left(select(SECONDS, DIRECTION)),
    ]
    merged = [f"max by ({POOL_LABELS}) ({expression})" for expression in shown]
    fullest = f"topk({TOP}, {merged[0]})"
    return [
        rows(f"sort_desc({fullest})"),
        *(rows(f"{expression} and {fullest}") for expression in merged[1:]),
    ]


def _columns() -> list[Column]:
    share = ratio_steps(OUTBOUND)
    return [
        CLUSTER,
        Column(name="instance", title="Host", width=110),
        Column(name="netns", title="Namespace", width=97),
        Column(name="direction", title="Direction", width=90),
        Column(name="local_address", title="Local", width=120),
        Column(name="remote_address", title="Remote", width=120, links=[to_pool()]),
        Column(name="port", title="Port", width=65),
        Column(
            name=value(0),
            title="Share",
            width=190,
            unit="percentunit",
            decimals=0,
            thresholds=share,
            gauge=True,
        ),
        Column(
            name=value(8),
            title="Full in",
            width=105,
            unit="s",
            decimals=0,
            thresholds=SECONDS_LEFT,
            coloured=True,
            mappings=[FULL_OR_FAR],
        ),
        Column(
            name=value(7),
            title="Heads for",
            width=95,
            unit="percentunit",
            decimals=0,
            thresholds=steps(*STEADY),
            coloured=True,
        ),
        Column(name=value(1), title="Used", width=85, unit="locale"),
        Column(name=value(2), title="Limit", width=85, unit="locale"),
        Column(name=value(3), title="TIME_WAIT", width=95, unit="locale"),
        Column(name=value(4), title="Reclaimable", width=100, unit="locale"),
        Column(name=value(5), title="Closes/s", width=85, unit="none", decimals=1),
        Column(name=value(6), title="Bears/s", width=85, unit="none", decimals=1),
    ]
