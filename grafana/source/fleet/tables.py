"""The worst of the fleet, a few rows of each kind, from recorded series."""

from grafana.source import alerts
from grafana.source.alert_table import by_urgency, severity_words
from grafana.source.colour import ATTENTION, DANGER
from grafana.source.forecast import FULL_OR_FAR, IN_WORDS
from grafana.source.links import to_document, to_host, to_pool
from grafana.source.names import with_owner
from grafana.source.panel import texts
from grafana.source.pool_table import worst_of
from grafana.source.query import HOST, POOL_LABELS, firing, recorded, rows
from grafana.source.refused import UNCOUNTED
from grafana.source.severity import severity, severity_column
from grafana.source.table import CLUSTER, Column, Table, value
from grafana.source.threshold import MANY_STUCK, steps

CHOSEN = (*HOST, "direction")
UNRECORDED = "Nothing is recorded: load rules/fleet.yml."
TOP, FEWER = 8, 6  # rows that fit without a scrollbar
HOST_COLUMNS = (CLUSTER, Column(name="instance", title="Host", width=110, links=[to_host()]))
RATIOS = "pool:tcp_pressure_pool_ratio:topk10"
SECONDS = "pool:tcp_pressure_pool_exhaustion_seconds:bottomk10"
REFUSED = "owner:tcp_pressure_port_failures:rate5m_topk10"


def refused() -> Table:
    labels = "cluster, instance, service, process, call, cause, remote_address, port"
    calls = with_owner(f"topk({TOP}, sum by ({labels}) ({recorded(REFUSED, HOST)}))")
    shown = "cluster, instance, owner, call, cause, remote_address, port"
    return Table(
        title="Refused for lack of a port, by host, program and destination",
        meaning="Calls of connect() and bind() that the kernel refused in the last five minutes, as"
        " the exporters counted them. no_port: none was free. port_taken: the program asked for a"
        " port that is in use.",
        normal="empty.",
        action="the same destination on many rows is what to look at; else click the host.",
        queries=[rows(f"sum by ({shown}) ({calls})")],
        unit="none",
        empty=f"No call was refused in the last five minutes. Where none is counted: {UNCOUNTED}",
        columns=[
            *HOST_COLUMNS,
            Column(name="owner", title="Program"),
            Column(name="call", title="Call", width=75),
            Column(name="cause", title="Cause", width=85),
            Column(name="remote_address", title="Destination", width=110),
            Column(name="port", title="Port", width=60),
            Column(name="Value", title="Refused/s", width=90, unit="none", decimals=1),
        ],
        order=[("Refused/s", True)],
    )


def worst_pools() -> Table:
    def share(*matchers: str) -> str:
        return recorded(RATIOS, CHOSEN, *matchers)

    def seconds(*matchers: str) -> str:
        return recorded(SECONDS, CHOSEN, *matchers)

    shown = [severity(share, seconds), share(), f"round({seconds()})"]
    worst = worst_of(share, seconds())
    return Table(
        title="Worst pools",
        meaning=f"The {TOP} worst pools of the fleet, with both ends: of the ten fullest of each"
        " direction, and of those that are full first. State goes by the thresholds of the"
        " direction, as the alerts do. The same remote on many rows is what they all connect to.",
        normal="calm.",
        action="critical: relieve the pool now, or route traffic away from the host. Click the"
        " remote for the history of the pool, the host for its overview.",
        queries=[rows(f"max by ({POOL_LABELS}) ({one}) and {worst}") for one in shown],
        unit="none",
        empty="No pool of any host is fuller than 1 % (pools.min_ratio), or nothing is recorded.",
        columns=[
            severity_column(value(0)),
            *HOST_COLUMNS,
            Column(name="netns", title="Namespace", width=97),
            Column(name="direction", title="Direction", width=88),
            Column(name="local_address", title="Local", width=110),
            Column(name="remote_address", title="Remote", width=110, links=[to_pool()]),
            Column(name="port", title="Port", width=60),
            Column(name=value(1), title="Share", unit="percentunit", decimals=0, gauge=True),
            Column(
                name=value(2),
                title="Full in",
                width=100,
                unit=IN_WORDS,
                decimals=0,
                mappings=[FULL_OR_FAR],
            ),
        ],
        order=[("State", True), ("Share", True)],
    )


def alerting() -> Table:
    runbook = to_document("Runbook", "${__data.fields.runbook}")
    hosts = by_urgency(f"count by (severity, alertname) ({firing()})", "alertname")
    return Table(
        title="Firing alerts, and on how many hosts",
        meaning="Each alert that fires, with the number of hosts and directions it fires for.",
        normal="empty.",
        action="begin with the first row; its runbook is behind the words.",
        queries=[rows(hosts)],
        unit="locale",
        empty="No alert fires: nothing to do. Without the rules in Prometheus none ever does.",
        columns=[
            Column(
                name="urgency",
                title="Severity",
                width=80,
                coloured=True,
                mappings=[severity_words()],
            ),
            Column(
                name="alertname",
                title="What is wrong",
                mappings=[texts(alerts.summaries())],
                links=[runbook],
            ),
            Column(name="Value", title="Hosts", width=70, unit="locale"),
            Column(
                name="runbook", title="Runbook", hidden=True, mappings=[texts(alerts.runbooks())]
            ),
        ],
        order=[("Severity", False), ("Hosts", True)],
    )


def leaks() -> Table:
    stuck = recorded("instance:tcp_pressure_close_wait_sockets:topk10", HOST)
    return Table(
        title="Hosts with most CLOSE_WAIT",
        meaning="Connections that their peers have closed and the applications have not.",
        normal="a handful.",
        action="above 100: the host's overview says whose they are.",
        queries=[rows(f"topk({FEWER}, max by (cluster, instance) ({stuck}))")],
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
        queries=[rows(f"topk({FEWER}, max by (cluster, instance, resource) ({ratios}))")],
        unit="percentunit",
        empty=UNRECORDED,
        columns=[
            *HOST_COLUMNS,
            Column(name="resource", title="Limit", width=150),
            Column(name="Value", title="Share", unit="percentunit", decimals=0, gauge=True),
        ],
        order=[("Share", True)],
    )
