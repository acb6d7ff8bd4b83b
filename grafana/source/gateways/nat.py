"""A NAT gateway: its pools by the client behind it, and what it drops."""

from grafana.source.colour import CLEAR
from grafana.source.layout import Section, Shelf
from grafana.source.names import HOST_NAME, with_ends
from grafana.source.panel import TimeSeries
from grafana.source.pool_table import LIMIT, USED
from grafana.source.query import NAMESPACE, Query, rate, ratio, rows, select
from grafana.source.severity import severity_column, severity_of
from grafana.source.table import CLUSTER, Column, Table, value
from grafana.source.threshold import ratio_steps
from tcp_pressure_exporter.pools.directions import NAT

CLIENTS = "tcp_pressure_nat_pool_client_ports_used"
EVENTS = "tcp_pressure_kernel_events_total"
OF_NAT = f'direction="{NAT}"'
DROPS = 'event=~"nf_conntrack_insert_failed|nf_conntrack_drop|nf_conntrack_early_drop"'
RESOURCE = 'resource="conntrack_entries"'
TOP = 10
ROWS = 5  # as many as fit without a scrollbar
UNTRANSLATED = "No host chosen translates addresses."
UNTRACKED = "No host chosen tracks connections."
UNTOLD = (
    "No NAT pool of the hosts chosen has clients that are told: it takes a listed pool of direction"
    " nat on a gateway with conntrack, from the second sample on."
)
BY_POOL = "cluster, instance, netns, direction, local_address, remote_address, port"


def nat() -> Section:
    return Section(
        "NAT gateways: pools by client, and drops",
        [
            Shelf(7, [(13, _pools()), (11, _who())]),
            Shelf(9, [(12, _clients()), (6, _drops()), (6, _table())]),
        ],
    )


def _pools() -> Table:
    def share(*matchers: str) -> str:
        return ratio(USED, LIMIT, NAMESPACE, *matchers)

    every = f"max by ({BY_POOL}) ({share(OF_NAT)})"
    state = f"max by ({BY_POOL}) ({severity_of(NAT, share)})"
    shown = [state, every, *(select(metric, NAMESPACE, OF_NAT) for metric in (USED, LIMIT))]
    return Table(
        title="NAT pools, the fullest first",
        meaning="The ports of each translated address towards one destination.",
        normal="calm: below 75 %. From 84 % on the kernel's bounded search misses free ports.",
        action="translate to more addresses, or let the clients keep connections open.",
        queries=[rows(f"max by ({BY_POOL}) ({one}) and topk({ROWS}, {every})") for one in shown],
        unit="none",
        empty=UNTRANSLATED,
        columns=[
            severity_column(value(0)),
            CLUSTER,
            Column(name="instance", title="Gateway", width=105),
            Column(name="local_address", title="Translated to", width=120),
            Column(name="remote_address", title="Destination", width=120),
            Column(name="port", title="Port", width=60),
            Column(name=value(1), title="Share", unit="percentunit", decimals=0, gauge=True),
            Column(name=value(2), title="Used", width=75, unit="locale"),
            Column(name=value(3), title="Limit", width=75, unit="locale"),
        ],
        dropped=["netns", "direction"],
        order=[("State", True), ("Share", True)],
    )


def _who() -> Table:
    used = select(CLIENTS, NAMESPACE)
    return Table(
        title="Who fills them, by the client's own address",
        meaning="The clients with the most ports of the fullest NAT pools, by the address that they"
        " opened their connections from: of a pod, a host or another network.",
        normal="many clients with few ports each.",
        action="one client with most of them: let it keep its connections open, or give it a"
        " translated address of its own.",
        queries=[
            rows(
                f"topk({ROWS}, max by (cluster, instance, client, local_address, remote_address,"
                f" port) ({used}))"
            )
        ],
        unit="locale",
        empty=UNTOLD,
        columns=[
            CLUSTER,
            Column(name="instance", title="Gateway", width=105),
            Column(name="client", title="Client"),
            Column(name="Value", title="Ports", width=65, unit="locale"),
            Column(name="local_address", title="Translated to", width=110),
            Column(name="remote_address", title="Destination", width=110),
            Column(name="port", title="Port", width=60),
        ],
        order=[("Ports", True)],
    )


def _clients() -> TimeSeries:
    used = f"topk({TOP}, {select(CLIENTS, NAMESPACE)})"
    return TimeSeries(
        title="Ports by client over time",
        meaning="The ports that the connections of each client hold in the fullest NAT pools.",
        normal="even.",
        action="a client that rises alone: what was rolled out there?",
        queries=[Query(with_ends(used), f"{HOST_NAME} {{{{client}}}}: {{{{ends}}}}")],
        unit="locale",
        empty=UNTOLD,
        low=0,
    )


def _drops() -> TimeSeries:
    drops = f"sum by (cluster, instance, event) ({rate(EVENTS, NAMESPACE, DROPS)})"
    return TimeSeries(
        title="Dropped by the gateway",
        meaning="Packets of new connections that the gateway dropped. insert_failed: NAT found no"
        " free port. drop: the table of connections is full. early_drop: an unfinished connection"
        " made room for another one.",
        normal="0.",
        action="insert_failed: translate to more addresses. drop: raise nf_conntrack_max.",
        queries=[Query(f"topk({TOP}, {drops})", f"{HOST_NAME} {{{{event}}}}")],
        unit="suffix:drops/s",
        empty=UNTRACKED,
        low=0,
        at_least=1,
    )


def _table() -> TimeSeries:
    share = ratio("tcp_pressure_resource_used", "tcp_pressure_resource_limit", NAMESPACE, RESOURCE)
    return TimeSeries(
        title="Table of tracked connections",
        meaning="Tracked connections of all protocols against net.netfilter.nf_conntrack_max.",
        normal="below 75 %.",
        action="raise nf_conntrack_max, or exempt traffic from tracking.",
        queries=[Query(f"topk({TOP}, {share})", f"{HOST_NAME} {{{{netns}}}}")],
        unit="percentunit",
        empty=UNTRACKED,
        low=0,
        high=1,
        thresholds=ratio_steps("conntrack_entries", base=CLEAR),
    )
