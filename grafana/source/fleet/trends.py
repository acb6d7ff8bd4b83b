"""How the fleet came to be where it is."""

from grafana.source.colour import ATTENTION, CAUSES, CLEAR, DANGER, DIRECTIONS, STATES
from grafana.source.layout import Section, Shelf
from grafana.source.panel import TimeSeries
from grafana.source.query import FLEET, Query, recorded
from grafana.source.refused import PER_SECOND, UNCOUNTED
from grafana.source.threshold import ratio_steps, steps
from tcp_pressure_exporter.pools.directions import OUTBOUND

CHOSEN = (*FLEET, "direction")
UNRECORDED = "Nothing is recorded: load rules/fleet.yml."
FULLEST = recorded("job_direction:tcp_pressure_pool_ratio_max:max", CHOSEN)
FIRING = "job_alertname:tcp_pressure_alerts_firing:count"
OUTGOING = 'direction="outbound"'
ABOVE = recorded("job_direction:tcp_pressure_pool_ratio_max:count_above", FLEET, OUTGOING)
BELOW = recorded(
    "job_direction:tcp_pressure_pool_exhaustion_seconds_min:count_below", FLEET, OUTGOING
)


def trends() -> Section:
    return Section(
        "History of the fleet",
        [
            Shelf(8, [(8, _refused()), (8, _fullest()), (8, _hosts())]),
            Shelf(8, [(8, _alerts()), (8, _states()), (8, _causes())]),
            Shelf(8, [(6, _events()), (6, _findings()), (6, _limits()), (6, _queues())]),
        ],
    )


def _refused() -> TimeSeries:
    calls = {
        "connect": "job_cause:tcp_pressure_connect_failures:rate5m",
        "bind": "job_cause:tcp_pressure_bind_failures:rate5m",
    }
    return TimeSeries(
        title="Refused calls of the fleet",
        meaning="Calls of connect() and bind() that the kernel refused, per second over five"
        " minutes, on the hosts that count them. bind() cannot be counted on every kernel.",
        normal="0.",
        action="the table above names hosts, programs and destinations.",
        queries=[
            Query(f"sum by (cause) ({recorded(series, FLEET)})", f"{call}(): {{{{cause}}}}")
            for call, series in calls.items()
        ],
        unit=PER_SECOND,
        empty=UNCOUNTED,
        low=0,
        at_least=1,
    )


def _fullest() -> TimeSeries:
    return TimeSeries(
        title="Fullest pool over time",
        meaning="The share of its ports that the fullest pool of any host has in use.",
        normal="outbound below 70 % (orange).",
        action="see the tables above for which.",
        queries=[Query(f"max by (direction) ({FULLEST})", "{{direction}}")],
        unit="percentunit",
        empty=UNRECORDED,
        low=0,
        high=1,
        thresholds=ratio_steps(OUTBOUND, base=CLEAR),
        colours=DIRECTIONS,
    )


def _hosts() -> TimeSeries:
    return TimeSeries(
        title="Hosts in trouble",
        meaning="Hosts with an outbound pool above 70 and 90 %, and with one that is full within a"
        " minute.",
        normal="0.",
        action="a step on many hosts at once: look at what they all connect to.",
        queries=[
            Query(f"sum by (threshold) ({ABOVE})", "above {{threshold}}"),
            Query(f"sum({BELOW})", "full within 60 s"),
        ],
        unit="locale",
        empty=UNRECORDED,
        low=0,
        thresholds=steps((1, ATTENTION), base=CLEAR),
        colours={"above 0.7": "yellow", "above 0.9": "orange", "full within 60 s": "red"},
    )


def _alerts() -> TimeSeries:
    return TimeSeries(
        title="Firing alerts over time",
        meaning="For how many hosts and directions each alert fires.",
        normal="none.",
        action="open the overview: its table says what to do.",
        queries=[Query(f"sum by (alertname) ({recorded(FIRING, FLEET)})", "{{alertname}}")],
        unit="locale",
        empty="No alert has fired in this time.",
        low=0,
        stacked=True,
    )


def _states() -> TimeSeries:
    sockets = recorded("job_state:tcp_pressure_sockets:sum", FLEET)
    return TimeSeries(
        title="Sockets of the fleet by state",
        meaning="TCP sockets of all hosts.",
        normal="as the load.",
        action="a step: compare with what was rolled out.",
        queries=[Query(f"sum by (state) ({sockets})", "{{state}}")],
        unit="locale",
        empty=UNRECORDED,
        low=0,
        colours=STATES,
    )


def _causes() -> TimeSeries:
    stuck = recorded("job_cause:tcp_pressure_close_wait_sockets:sum", FLEET)
    return TimeSeries(
        title="CLOSE_WAIT of the fleet by cause",
        meaning="Connections that their peers have closed and the applications have not.",
        normal="near 0.",
        action="not_closed that only rises: a leak in a release.",
        queries=[Query(f"sum by (cause) ({stuck})", "{{cause}}")],
        unit="locale",
        empty=UNRECORDED,
        low=0,
        colours=CAUSES,
    )


def _events() -> TimeSeries:
    events = recorded("job_event:tcp_pressure_kernel_events:rate5m", FLEET)
    return TimeSeries(
        title="Kernel events of the fleet",
        meaning="Refused by TIME_WAIT, dropped at full accept queues or by conntrack, per second.",
        normal="0.",
        action="the overview of a host shows all its events.",
        queries=[Query(f"sum by (event) ({events})", "{{event}}")],
        unit="suffix:/s",
        empty="Nothing is recorded, or since less than five minutes.",
        low=0,
    )


def _findings() -> TimeSeries:
    findings = recorded("job_finding:tcp_pressure_finding:sum", FLEET)
    return TimeSeries(
        title="Hosts with a finding",
        meaning="On how many hosts each finding holds.",
        normal="0, but for those that are meant.",
        action="a setting on many hosts: change it where they are configured. docs/findings.md has"
        " each.",
        queries=[Query(f"sum by (finding) ({findings}) > 0", "{{finding}}")],
        unit="locale",
        empty="No finding holds on any host.",
        low=0,
        stacked=True,
    )


def _limits() -> TimeSeries:
    ratios = recorded("job_resource:tcp_pressure_resource_ratio:max", FLEET)
    return TimeSeries(
        title="Kernel limits, the fullest host",
        meaning="TIME_WAIT table, orphans, TCP memory and conntrack table of the fullest host.",
        normal="orphans below 25 %, the others below 75 %.",
        action="the table of limits says which host.",
        queries=[Query(f"max by (resource) ({ratios})", "{{resource}}")],
        unit="percentunit",
        empty=UNRECORDED,
        low=0,
        high=1,
        thresholds=ratio_steps("conntrack_entries", base=CLEAR),
    )


def _queues() -> TimeSeries:
    ratios = recorded("job:tcp_pressure_listen_queue_ratio_max:max", FLEET)
    return TimeSeries(
        title="Fullest accept queue",
        meaning="The fullest accept queue of any host.",
        normal="near 0; from 80 % on (orange) the next burst is dropped.",
        action="the overview names the queue.",
        queries=[Query(f"max({ratios})", "fullest")],
        unit="percentunit",
        empty=UNRECORDED,
        low=0,
        thresholds=ratio_steps("listen_queue", base=CLEAR),
        colours={"fullest": DANGER},
    )
