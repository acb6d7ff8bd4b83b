"""The first screen: how many hosts are in trouble, and which."""

from grafana.source.colour import ATTENTION, DANGER
from grafana.source.fleet.tables import alerting, leaks, limits, refused, worst_pools
from grafana.source.forecast import FULL_OR_FAR, seconds_left
from grafana.source.layout import Section, Shelf
from grafana.source.panel import Stat
from grafana.source.query import FLEET, firing, now, recorded
from grafana.source.refused import UNCOUNTED
from grafana.source.threshold import (
    CALM,
    SECONDS_LEFT,
    SECONDS_LEFT_AT_WORST_A_WARNING,
    any_is,
    ratio_steps,
)
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND

CHOSEN = (*FLEET, "direction")
ABOVE = "job_direction:tcp_pressure_pool_ratio_max:count_above"
BELOW = "job_direction:tcp_pressure_pool_exhaustion_seconds_min:count_below"
OUTGOING, ABOVE_90 = 'direction="outbound"', 'threshold="0.9"'
FULLEST = "job_direction:tcp_pressure_pool_ratio_max:max"
SOONEST = "job_direction:tcp_pressure_pool_exhaustion_seconds_min:min"
REFUSED = "job_cause:tcp_pressure_connect_failures:rate5m"
WINDOW = 300  # seconds of that rate
UNRECORDED = "Nothing is recorded: load rules/fleet.yml."


def worst() -> Section:
    tiles = [
        (3, _hosts()),
        (4, _alerting()),
        (4, _refused()),
        (5, _fullest()),
        (4, _soonest()),
        (4, _full_soon()),
    ]
    return Section(
        "",
        [
            Shelf(3, tiles),
            Shelf(9, [(12, refused()), (12, alerting())]),
            Shelf(10, [(24, worst_pools())]),
            Shelf(8, [(9, leaks()), (15, limits())]),
        ],
    )


def _hosts() -> Stat:
    return Stat(
        title="Hosts that answer",
        meaning="How many exporters Prometheus could scrape, of how many it knows.",
        normal="both equal, and as many as you have hosts: nobody but your inventory knows those"
        " that have gone from service discovery.",
        action="see the alert TcpPressureExporterDown for which do not answer; a quarter of a"
        " cluster pages.",
        queries=[
            now(f"sum({recorded('job:tcp_pressure_up:sum', FLEET)})", "answer"),
            now(f"sum({recorded('job:tcp_pressure_up:count', FLEET)})", "known"),
        ],
        unit="locale",
        empty=UNRECORDED,
        thresholds=CALM,
    )


def _alerting() -> Stat:
    critical, warning = 'severity="critical"', 'severity="warning"'
    return Stat(
        title="Hosts with alerts",
        meaning="On how many hosts something critical fires, and on how many a warning.",
        normal="0 and 0.",
        action="open the overview: its table of alerts says what to do.",
        queries=[
            now(
                f"count(count by (cluster, instance) ({firing(critical)})) or vector(0)", "critical"
            ),
            now(f"count(count by (cluster, instance) ({firing(warning)})) or vector(0)", "warning"),
        ],
        unit="locale",
        empty="none",
        thresholds=any_is(ATTENTION),
        by_series={"critical": any_is(DANGER)},
    )


def _refused() -> Stat:
    calls = f"sum by (cause) ({recorded(REFUSED, FLEET)}) * {WINDOW}"
    return Stat(
        title="Refused in the last 5 min",
        meaning="How many connect() calls of the fleet the kernel refused, where they are counted."
        " no_port: no local port was free. port_taken: the program had bound a port that has that"
        " connection.",
        normal="0 and 0.",
        action="the table of refusals names hosts, programs and destinations.",
        queries=[now(calls, "{{cause}}")],
        unit="locale",
        empty=UNCOUNTED,
        decimals=0,
        thresholds=any_is(ATTENTION),
        by_series={"no_port": any_is(DANGER)},
    )


def _fullest() -> Stat:
    return Stat(
        title="Fullest pool anywhere",
        meaning="The highest share of its ports that any pool of any host has in use.",
        normal="outbound below 70 %.",
        action="the table of pools names both ends; click one for its history.",
        queries=[now(f"max by (direction) ({recorded(FULLEST, CHOSEN)})", "{{direction}}")],
        unit="percentunit",
        empty=UNRECORDED,
        decimals=0,
        thresholds=ratio_steps(OUTBOUND),
        by_series={kind: ratio_steps(kind) for kind in ("source", "inbound", "nat")},
    )


def _soonest() -> Stat:
    soonest = f"min by (direction) ({recorded(SOONEST, CHOSEN)})"
    return Stat(
        title="First pool full in",
        meaning="The time until the first pool of any host is full, at today's rate.",
        normal="> 10 min, which is as far as the forecast looks.",
        action="below 60 seconds: the table of pools says which.",
        queries=[now(seconds_left(soonest), "{{direction}}")],
        unit="s",
        empty=UNRECORDED,
        decimals=0,
        thresholds=SECONDS_LEFT,
        by_series={INBOUND: SECONDS_LEFT_AT_WORST_A_WARNING},
        mappings=[FULL_OR_FAR],
    )


def _full_soon() -> Stat:
    return Stat(
        title="Hosts out of ports, or soon",
        meaning="Hosts with an outbound pool that is 90 % full, and with one that is full within a"
        " minute.",
        normal="0 and 0.",
        action="one host: its own traffic. Many at once: look at what they all connect to.",
        queries=[
            now(f"sum({recorded(ABOVE, FLEET, OUTGOING, ABOVE_90)})", "above 90 %"),
            now(f"sum({recorded(BELOW, FLEET, OUTGOING)})", "within 60 s"),
        ],
        unit="locale",
        empty=UNRECORDED,
        thresholds=any_is(DANGER),
    )
