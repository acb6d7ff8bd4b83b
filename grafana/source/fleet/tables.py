"""The worst hosts and pools, ten of each kind, from recorded series."""

from grafana.source.colour import ATTENTION, DANGER
from grafana.source.forecast import FULL_OR_FAR
from grafana.source.links import to_host, to_pool
from grafana.source.query import HOST, recorded, rows
from grafana.source.table import CLUSTER, Column, Table
from grafana.source.threshold import MANY_STUCK, SECONDS_LEFT, Steps, ratio_steps, steps
from tcp_pressure_exporter.pools.directions import OUTBOUND

CHOSEN = (*HOST, "direction")
UNRECORDED = "Nothing is recorded: load rules/fleet.yml."
HOST_COLUMNS = (CLUSTER, Column(name="instance", title="Host", width=120, links=[to_host()]))
ENDS = (
    Column(name="direction", title="Direction", width=90),
    Column(name="local_address", title="Local", width=120),
    Column(name="remote_address", title="Remote", width=120, links=[to_pool()]),
    Column(name="port", title="Port", width=65),
)
POOL_LABELS = "cluster, instance, netns, direction, local_address, remote_address, port"


def fullest_hosts() -> Table:
    ratios = recorded("instance_direction:tcp_pressure_pool_ratio_max:topk10", CHOSEN)
    return Table(
        title="Hosts, fullest first",
        meaning="The ten hosts whose fullest pool is fullest, of each direction. The exporter"
        " counts every pool for this, also those without series. Colours as for outbound pools.",
        normal="outbound below 70 %.",
        action="click the host for its overview.",
        queries=[rows(f"sort_desc(max by (cluster, instance, netns, direction) ({ratios}))")],
        unit="percentunit",
        empty=UNRECORDED,
        columns=[
            *HOST_COLUMNS,
            Column(name="netns", title="Namespace", width=100),
            Column(name="direction", title="Direction", width=90),
            _gauge("Fullest pool", ratio_steps(OUTBOUND)),
        ],
        order=[("Fullest pool", True)],
    )


def fullest_pools() -> Table:
    ratios = recorded("pool:tcp_pressure_pool_ratio:topk10", CHOSEN)
    return Table(
        title="Worst pools of the fleet",
        meaning="The ten fullest pools of each direction, with both ends. The same remote on many"
        " rows is what they all connect to.",
        normal="outbound below 70 %.",
        action="click the remote for the history of the pool, the host for its overview.",
        queries=[rows(f"sort_desc(max by ({POOL_LABELS}) ({ratios}))")],
        unit="percentunit",
        empty="No pool of any host is fuller than 1 % (pools.min_ratio), or nothing is recorded.",
        columns=[
            *HOST_COLUMNS,
            Column(name="netns", title="Namespace", width=100),
            *ENDS,
            _gauge("Share", ratio_steps(OUTBOUND)),
        ],
        order=[("Share", True)],
    )


def closest() -> Table:
    seconds = recorded("pool:tcp_pressure_pool_exhaustion_seconds:bottomk10", CHOSEN)
    return Table(
        title="First to run out",
        meaning="The pools that are full first, at today's rate; only those that will be within ten"
        " minutes.",
        normal="empty.",
        action="below 60 s: relieve the pool now, or route traffic away from the host.",
        queries=[rows(f"sort(round(min by ({POOL_LABELS}) ({seconds})))")],
        unit="s",
        empty="No pool of any host is full within ten minutes.",
        columns=[
            *HOST_COLUMNS,
            *ENDS,
            Column(
                name="Value",
                title="Full in",
                width=90,
                unit="s",
                decimals=0,
                thresholds=SECONDS_LEFT,
                coloured=True,
                mappings=[FULL_OR_FAR],
            ),
        ],
        order=[("Full in", False)],
        dropped=["netns"],
    )


def leaks() -> Table:
    stuck = recorded("instance:tcp_pressure_close_wait_sockets:topk10", HOST)
    return Table(
        title="Hosts with most CLOSE_WAIT",
        meaning="Connections that their peers have closed and the applications have not.",
        normal="a handful.",
        action="above 100: the host's overview says whose they are.",
        queries=[rows(f"sort_desc(max by (cluster, instance) ({stuck}))")],
        unit="locale",
        empty="No connection of any host is in CLOSE_WAIT.",
        columns=[
            *HOST_COLUMNS,
            Column(
                name="Value",
                title="In CLOSE_WAIT",
                unit="locale",
                thresholds=steps((MANY_STUCK, ATTENTION), (10 * MANY_STUCK, DANGER)),
                coloured=True,
            ),
        ],
        order=[("In CLOSE_WAIT", True)],
    )


def limits() -> Table:
    ratios = recorded("instance_resource:tcp_pressure_resource_ratio:topk10", HOST)
    return Table(
        title="Kernel limits, fullest first",
        meaning="The hosts whose TIME_WAIT table, orphans, TCP memory or conntrack table is"
        " fullest. Orphans warn from 25 % on, the others from 75 or 80 %.",
        normal="below these.",
        action="click the host: its overview says what to raise.",
        queries=[rows(f"topk(20, max by (cluster, instance, resource) ({ratios}))")],
        unit="percentunit",
        empty=UNRECORDED,
        columns=[
            *HOST_COLUMNS,
            Column(name="resource", title="Limit", width=150),
            _gauge("Share", ratio_steps("conntrack_entries")),
        ],
        order=[("Share", True)],
    )


def _gauge(title: str, thresholds: Steps) -> Column:
    return Column(
        name="Value",
        title=title,
        unit="percentunit",
        decimals=0,
        thresholds=thresholds,
        gauge=True,
    )
