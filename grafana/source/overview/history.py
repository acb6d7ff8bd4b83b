"""How it came to be: pools, forecasts and rates over time."""

from grafana.source.colour import CLEAR
from grafana.source.forecast import HORIZON, seconds_left
from grafana.source.layout import Section, Shelf
from grafana.source.panel import TimeSeries
from grafana.source.pool_table import ENTERED, LIMIT, SECONDS, STEADY_STATE, USED
from grafana.source.query import DIRECTION, NAMESPACE, Query, rate, ratio, select
from grafana.source.threshold import (
    SECONDS_LEFT_AREA,
    STEADY,
    ratio_steps,
    steps,
)
from tcp_pressure_exporter.pools.directions import OUTBOUND

REFUSED = "tcp_pressure_connect_failures_total"
REFUSED_OWNERS = "tcp_pressure_port_failure_owner_total"
REFUSED_BY = "cluster, instance, service, process, call, cause, remote_address, port"
REFUSED_NAME = (
    "{{cluster}} {{instance}} {{service}} {{process}}"
    " - {{remote_address}} {{port}} {{call}} {{cause}}"
)
NAME = (
    "{{cluster}} {{instance}} {{netns}} {{direction}}"
    " {{local_address}} - {{remote_address}} {{port}}"
)
TOP = 10


def history() -> Section:
    return Section(
        "How it came to be",
        [
            Shelf(10, [(12, _fullest()), (12, _seconds())]),
            Shelf(10, [(12, _closes()), (12, _steady_state())]),
            Shelf(8, [(24, _refused())]),
        ],
    )


def _fullest() -> TimeSeries:
    return TimeSeries(
        title="Fullest pools over time",
        meaning="The share of its ports that each of the fullest pools has in use. Orange and red:"
        " the thresholds of outbound pools. Lines begin and end as pools enter the list.",
        normal="below 70 %.",
        action="a steady rise: more load, or connections that are no longer kept open. Waves of a"
        " minute: TIME_WAIT; the pool is at its ceiling.",
        queries=[Query(f"topk({TOP}, {ratio(USED, LIMIT, DIRECTION)})", NAME)],
        unit="percentunit",
        empty="No pool is fuller than 1 % (pools.min_ratio).",
        low=0,
        high=1,
        thresholds=ratio_steps(OUTBOUND, base=CLEAR),
    )


def _seconds() -> TimeSeries:
    return TimeSeries(
        title="Time to exhaustion of each pool",
        meaning="The forecast of the seconds until each pool is full; 600 s stands for more.",
        normal="600 s.",
        action="below 60 s (red) an alert fires: relieve the pool now, or route traffic away.",
        queries=[Query(f"bottomk({TOP}, {seconds_left(select(SECONDS, DIRECTION))})", NAME)],
        unit="s",
        empty="No outbound or inbound pool is fuller than 1 % (pools.min_ratio).",
        low=0,
        high=HORIZON,
        thresholds=SECONDS_LEFT_AREA,
        calcs=("lastNotNull", "min"),
    )


def _refused() -> TimeSeries:
    owners = f"sum by ({REFUSED_BY}) ({rate(REFUSED_OWNERS, NAMESPACE)})"
    return TimeSeries(
        title="Refused connections",
        meaning="Calls that the kernel refused for want of a local port, by who called and towards"
        " whom, and all of each cause. no_port: none was free. port_taken: the client had bound a"
        " port that already has that connection. Exact. A new caller has a line of its own from"
        " its second refusal on; the first is in the line of all.",
        normal="0.",
        action="no_port: relieve the pool of that destination; where it is far from full, see the"
        " finding refused_below_limit. port_taken: let the client choose another port.",
        queries=[
            Query(f"topk({TOP}, {owners})", REFUSED_NAME),
            Query(rate(REFUSED, NAMESPACE), "{{instance}} {{netns}} all: connect {{cause}}"),
        ],
        unit="cps",
        empty="Nothing counts them here: the exporter needs CAP_BPF and CAP_PERFMON, or root, on"
        " Linux 6.1 or later.",
        low=0,
        beside=True,
    )


def _closes() -> TimeSeries:
    return TimeSeries(
        title="Closes per second of each pool",
        meaning="Connections that entered TIME_WAIT here, each of which holds its port for a"
        " minute.",
        normal="as the load: below limit ÷ hold of TIME_WAIT: 455 a second for the usual range.",
        action="let the client with the highest line keep its connections open.",
        queries=[Query(f"topk({TOP}, {rate(ENTERED, DIRECTION)})", NAME)],
        unit="cps",
        empty="No outbound or inbound pool is fuller than 1 % (pools.min_ratio).",
        low=0,
    )


def _steady_state() -> TimeSeries:
    return TimeSeries(
        title="What the closes lead to",
        meaning="The share of the ports that each pool would settle at, if it went on closing as in"
        " the last 10 s.",
        normal="below 80 % (orange). Above 100 % (red) the pool runs out within a minute or so.",
        action="keep connections open, or add a local or a remote address.",
        queries=[Query(f"topk({TOP}, {select(STEADY_STATE, DIRECTION)})", NAME)],
        unit="percentunit",
        empty="No outbound or inbound pool is fuller than 1 % (pools.min_ratio).",
        low=0,
        thresholds=steps(*STEADY, base=CLEAR),
    )
