"""The numbers at the top of the overview."""

from grafana.source.colour import ATTENTION, DANGER, NEUTRAL
from grafana.source.forecast import FULL_OR_FAR, seconds_left
from grafana.source.panel import Stat
from grafana.source.query import (
    DIRECTION,
    HOST,
    NAMESPACE,
    firing,
    increase_shown,
    now,
    select,
)
from grafana.source.refused import CONNECTS, UNCOUNTED
from grafana.source.threshold import (
    CALM,
    SECONDS_LEFT,
    SECONDS_LEFT_AT_WORST_A_WARNING,
    STUCK,
    any_is,
    ratio_steps,
    steps,
)
from tcp_pressure_exporter.pools.directions import INBOUND, NAT, OUTBOUND, SOURCE

URGENT = {"critical": 'severity="critical"', "warning": 'severity="warning"'}


def firing_alerts() -> Stat:
    return Stat(
        title="Firing alerts",
        meaning="How many alerts of the two higher severities fire for the hosts chosen.",
        normal="0 and 0.",
        action="read the table below from the top. Critical: connections fail, or will within a"
        " minute. Warning: in working hours.",
        queries=[
            now(f"count({firing(matcher)}) or vector(0)", severity)
            for severity, matcher in URGENT.items()
        ],
        unit="none",
        empty="none",
        thresholds=any_is(ATTENTION),
        by_series={"critical": any_is(DANGER)},
    )


def refused() -> Stat:
    connects = f"sum by (cause) ({increase_shown(CONNECTS, NAMESPACE)})"
    return Stat(
        title="Refused connections",
        meaning="How many connect() calls the kernel refused in the time shown. no_port: no local"
        " port was free. port_taken: the program had bound a port that has that connection.",
        normal="0 and 0.",
        action="Who uses the ports names the program; the panels on refusals, when and towards"
        " whom.",
        queries=[now(connects, "{{cause}}")],
        unit="locale",
        empty=UNCOUNTED,
        decimals=0,
        thresholds=any_is(ATTENTION),
        by_series={"no_port": any_is(DANGER)},
    )


def fullest() -> Stat:
    return Stat(
        title="Fullest pool of each direction",
        meaning="The share of its ports that the fullest pool of each direction has in use,"
        " whether or not it is listed below.",
        normal="outbound below 70 %, source below 80 %, inbound below 90 %, nat below 75 %.",
        action="find it in the table of port pools. Outbound at 100 %: connect() fails. Inbound:"
        " a risk, since Linux accepts most new connections over TIME_WAIT.",
        queries=[
            now(
                f"max by (direction) ({select('tcp_pressure_pool_ratio_max', DIRECTION)})",
                "{{direction}}",
            )
        ],
        unit="percentunit",
        empty="no sample",
        decimals=0,
        low=0,
        high=1,
        thresholds=ratio_steps(OUTBOUND),
        by_series={kind: ratio_steps(kind) for kind in (SOURCE, INBOUND, NAT)},
    )


def exhaustion() -> Stat:
    soonest = select("tcp_pressure_pool_exhaustion_seconds_min", DIRECTION)
    return Stat(
        title="First pool full in",
        meaning="The time until the first pool of the direction is full, at today's rate; now: it"
        " is full.",
        normal="> 10 min, which is as far as the forecast looks.",
        action="below 60 seconds: relieve the pool now, or route traffic away; its row in the table"
        " of port pools says which. An inbound one is a risk: its remote may reuse its ports.",
        queries=[now(seconds_left(f"min by (direction) ({soonest})"), "{{direction}}")],
        unit="s",
        empty="no forecast",
        decimals=0,
        thresholds=SECONDS_LEFT,
        by_series={INBOUND: SECONDS_LEFT_AT_WORST_A_WARNING},
        mappings=[FULL_OR_FAR],
    )


def stuck() -> Stat:
    return Stat(
        title="CLOSE_WAIT",
        meaning="Connections whose peer has closed and whose application has not.",
        normal="a handful that come and go.",
        action="above 100, see below who owns them; the panels on CLOSE_WAIT show whether they go"
        " away. They never do by themselves where the application leaks them.",
        queries=[now(f"sum({select('tcp_pressure_close_wait_sockets', NAMESPACE)})", "sockets")],
        unit="locale",
        empty="no sample",
        thresholds=STUCK,
    )


def findings() -> Stat:
    return Stat(
        title="Findings",
        meaning="Settings that harm or do nothing, and services in the way of ports.",
        normal="0; some are meant.",
        action="the table of findings says what to do about each.",
        queries=[now(f"sum({select('tcp_pressure_finding', NAMESPACE)})", "findings")],
        unit="none",
        empty="no sample",
        thresholds=steps((1, NEUTRAL)),
    )


def exporters() -> Stat:
    return Stat(
        title="Exporters",
        meaning="How many of the exporters chosen Prometheus could scrape, of how many it knows.",
        normal="both numbers equal.",
        action="on the host: systemctl status tcp-pressure-exporter. What does not answer is not"
        " on this page.",
        queries=[
            now(f"sum({select('up', HOST)})", "answer"),
            now(f"count({select('up', HOST)})", "known"),
        ],
        unit="none",
        empty="Prometheus knows no exporter",
        thresholds=CALM,
    )
