"""What on a node uses the most ports: pods by namespace and name, containers and services."""

from grafana.source.colour import CLEAR
from grafana.source.layout import Section, Shelf
from grafana.source.links import to_host
from grafana.source.names import HOST_NAME, UNKNOWN, label_replace
from grafana.source.panel import TimeSeries
from grafana.source.query import NAMESPACE, Query, increase_shown, rate, rows, select
from grafana.source.refused import (
    BY_OWNER,
    CLOSES,
    CLOSES_PER_SECOND,
    CONNECT,
    PER_SECOND,
    UNCOUNTED,
)
from grafana.source.table import CLUSTER, Column, Table, value
from grafana.source.threshold import ratio_steps
from tcp_pressure_exporter.pools.directions import OUTBOUND

OPEN = "tcp_pressure_pool_owner_sockets"
HOLD = "tcp_pressure_time_wait_hold_seconds"
BY_POD = "sum by (cluster, instance, pod)"
NAME = f"{HOST_NAME} {{{{pod}}}}"
TOP = 10
ROWS = 5  # as many as fit without a scrollbar


def pods() -> Section:
    return Section(
        "",
        [
            Shelf(7, [(12, _table()), (12, _namespaces())]),
            Shelf(9, [(12, _closers()), (12, _refused())]),
        ],
    )


def with_pod(expression: str) -> str:
    """Add up owners by pod (namespace/pod, without the container), or else by service."""
    whole = label_replace(expression, "pod", "$1", "service", "(.+)")
    named = label_replace(whole, "pod", "$1", "service", "([^/]+/[^/]+)/[^/]+")
    return f"{BY_POD} ({label_replace(named, 'pod', UNKNOWN, 'pod', '')})"


def _table() -> Table:
    closes = with_pod(rate(CLOSES, NAMESPACE))
    hold = f"max by (cluster, instance) ({select(HOLD, NAMESPACE)})"
    shown = [
        f"{closes} * on (cluster, instance) group_left () {hold}",
        with_pod(select(OPEN, NAMESPACE)),
        closes,
        f"{with_pod(increase_shown(BY_OWNER, NAMESPACE, CONNECT))} > 0",
    ]
    return Table(
        title="Pods and services that use the most ports",
        meaning="A pod by its namespace and name, all its containers together; another owner by"
        " its systemd unit or container. In TIME_WAIT: the ports that its closes hold, closes per"
        " second times the length of TIME_WAIT. Open: its connections in outbound pools that are"
        " 70 % full. Refused: its connections that found no port, in the time shown.",
        normal="nothing refused.",
        action="the first row is the pod whose connections to keep open, or to limit. The overview"
        " of its host names the destinations.",
        queries=[rows(f"topk({ROWS}, {one})") for one in shown],
        unit="locale",
        empty=UNCOUNTED,
        columns=[
            CLUSTER,
            Column(name="instance", title="Host", width=115, links=[to_host()]),
            Column(name="pod", title="Pod or service"),
            Column(name=value(0), title="In TIME_WAIT", width=110, unit="locale", decimals=0),
            Column(name=value(1), title="Open", width=80, unit="locale"),
            Column(name=value(2), title="Closes/s", width=90, unit="none", decimals=1),
            Column(name=value(3), title="Refused", width=85, unit="locale", decimals=0),
        ],
        order=[("Refused", True), ("In TIME_WAIT", True)],
    )


def _namespaces() -> TimeSeries:
    ratios = select("tcp_pressure_pool_ratio_max", NAMESPACE, f'direction="{OUTBOUND}"')
    fullest = f"max by (cluster, instance, netns) ({ratios})"
    return TimeSeries(
        title="Fullest outbound pool of each network namespace",
        meaning="Pods that do not share the host's network have ports of their own. The share that"
        " the fullest outbound pool of each network namespace has in use; host is the node's.",
        normal="below 70 %.",
        action="choose the network namespace above, and look at the overview.",
        queries=[Query(f"topk({TOP}, {fullest})", f"{HOST_NAME} {{{{netns}}}}")],
        unit="percentunit",
        empty="no sample. Other namespaces than the host's take --collector.netns.",
        low=0,
        high=1,
        thresholds=ratio_steps(OUTBOUND, base=CLEAR),
    )


def _closers() -> TimeSeries:
    return TimeSeries(
        title="Closes by pod",
        meaning="Connections that the pod or service closed first: each holds a port of the network"
        " namespace for a minute.",
        normal="as the load.",
        action="let the pod with the highest line keep its connections open.",
        queries=[Query(f"topk({TOP}, {with_pod(rate(CLOSES, NAMESPACE))})", NAME)],
        unit=CLOSES_PER_SECOND,
        empty=UNCOUNTED,
        low=0,
    )


def _refused() -> TimeSeries:
    return TimeSeries(
        title="Refused connections by pod",
        meaning="connect() calls of the pod or service that found no local port.",
        normal="0, or empty.",
        action="relieve the pool of the destination, which the overview of the host names.",
        queries=[Query(f"topk({TOP}, {with_pod(rate(BY_OWNER, NAMESPACE, CONNECT))})", NAME)],
        unit=PER_SECOND,
        empty=f"No owner is listed as refused. Where none is counted: {UNCOUNTED}",
        low=0,
        at_least=1,
    )
