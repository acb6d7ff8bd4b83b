"""The table of listed pools: how bad, how full, of what, how fast, and how long is left."""

from grafana.source.forecast import FULL_OR_FAR, IN_WORDS, seconds_left
from grafana.source.links import to_host, to_pool
from grafana.source.query import DIRECTION, POOL_LABELS, Query, rate, ratio, rows, select
from grafana.source.severity import Selected, pressure, severity, severity_column
from grafana.source.table import CLUSTER, Column, Table, value
from tcp_pressure_exporter.findings.kinds import SOON

TOP = 8  # rows, as many as fit without a scrollbar
USED, LIMIT = "tcp_pressure_pool_ports_used", "tcp_pressure_pool_ports_limit"
ENTERED = "tcp_pressure_pool_time_wait_entered_total"
SUSTAINABLE = "tcp_pressure_pool_sustainable_closes_per_second"
PROJECTED = "tcp_pressure_pool_steady_state_ratio"
SECONDS = "tcp_pressure_pool_exhaustion_seconds"
LISTED = "a pool is listed from 1 % on (pools.min_ratio)"


def pool_table() -> Table:
    """Return the table, worst pool first."""
    return Table(
        title="Port pools, the worst first",
        meaning=f"The {TOP} worst pools of the hosts and directions chosen above. Outbound: this"
        " host's ports towards one destination. Inbound: a remote's ports towards one service here."
        " Source: this host's ports at one address, for programs that bind before they connect."
        " Nat: a gateway's ports towards one destination. State goes by the thresholds of the"
        " direction, as the alerts do. Projected is the share that the closes of the last 10 s lead"
        " to; sustainable, the closes that the pool can sustain. Source and nat pools have no"
        " rates: what they share cannot be dated.",
        normal="calm, full in > 10 min, projected below 80 %.",
        action="take the first row. Mostly TIME_WAIT: let the client keep connections open. Hardly"
        " any: the open connections themselves are too many. Click the remote for its history; to"
        " see more pools, choose a direction above.",
        queries=_queries(),
        unit="none",
        empty=f"No pressure on ports: {LISTED}.",
        columns=_columns(),
        order=[("State", True), ("Share", True)],
    )


def _queries() -> list[Query]:
    def share(*matchers: str) -> str:
        return ratio(USED, LIMIT, DIRECTION, *matchers)

    shown = [
        select(USED, DIRECTION),
        select(LIMIT, DIRECTION),
        select("tcp_pressure_pool_time_wait", DIRECTION),
        select("tcp_pressure_pool_reclaimable", DIRECTION),
        rate(ENTERED, DIRECTION),
        select(SUSTAINABLE, DIRECTION),
        select(PROJECTED, DIRECTION),
        seconds_left(select(SECONDS, DIRECTION)),
    ]

    def seconds(*matchers: str) -> str:
        return select(SECONDS, DIRECTION, *matchers)

    worst = worst_of(share, seconds())
    every = [severity(share, seconds), share(), *shown]
    return [rows(f"max by ({POOL_LABELS}) ({one}) and {worst}") for one in every]


def worst_of(share: Selected, seconds: str) -> str:
    """Return the worst pools, by share and by forecast."""
    soon = f"bottomk({TOP // 2}, min by ({POOL_LABELS}) ({seconds} < {SOON:g}))"
    return f"(topk({TOP}, max by ({POOL_LABELS}) ({pressure(share)})) or {soon})"


def _columns() -> list[Column]:
    return [
        severity_column(value(0)),
        CLUSTER,
        Column(name="instance", title="Host", width=110, links=[to_host()]),
        Column(name="netns", title="Namespace", width=92),
        Column(name="direction", title="Direction", width=83),
        Column(name="local_address", title="Local", width=105),
        Column(name="remote_address", title="Remote", width=105, links=[to_pool()]),
        Column(name="port", title="Port", width=60),
        Column(name=value(1), title="Share", unit="percentunit", decimals=0, gauge=True),
        Column(
            name=value(9),
            title="Full in",
            width=100,
            unit=IN_WORDS,
            decimals=0,
            mappings=[FULL_OR_FAR],
        ),
        Column(name=value(8), title="Projected", width=83, unit="percentunit", decimals=0),
        Column(name=value(2), title="Used", width=70, unit="locale"),
        Column(name=value(3), title="Limit", width=70, unit="locale"),
        Column(name=value(4), title="TIME_WAIT", width=90, unit="locale"),
        Column(name=value(5), title="Reclaimable", width=105, unit="locale"),
        Column(name=value(6), title="Closes/s", width=80, unit="none", decimals=1),
        Column(name=value(7), title="Sustainable/s", width=110, unit="none", decimals=1),
    ]
