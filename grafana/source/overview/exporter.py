"""Whether the numbers above can be trusted: the exporter itself."""

from grafana.source.colour import DANGER, DIRECTIONS
from grafana.source.health import HEADING, age, cost, failures, series
from grafana.source.layout import Section, Shelf
from grafana.source.panel import TimeSeries
from grafana.source.query import DIRECTION, HOST, NAMESPACE, Query, increase, select


def exporter() -> Section:
    return Section(
        HEADING,
        [
            Shelf(8, [(6, failures()), (6, age()), (6, _durations()), (6, cost())]),
            Shelf(
                8,
                [
                    (5, _counted()),
                    (5, _unlisted()),
                    (4, _pools()),
                    (5, series()),
                    (5, _namespaces()),
                ],
            ),
        ],
    )


def _counted() -> TimeSeries:
    counters = {
        "collectors": "tcp_pressure_collector_failures_total",
        "samples": "tcp_pressure_sample_failures_total",
        "log lines": "tcp_pressure_log_lines_lost_total",
        "accepts": "tcp_pressure_http_accept_failures_total",
    }
    errors = increase("tcp_pressure_http_responses_total", HOST, 'code="5xx"')
    return TimeSeries(
        title="Failures, short ones too",
        meaning="What failed since the point before: parts of samples, whole samples, lines of the"
        " log, attempts to accept a connection, answers.",
        normal="0; answers may fail while the exporter starts.",
        action="the exporter's log has one line with the reason. answers: fewer scrapers at once,"
        " or a higher --web.max-requests.",
        queries=[
            *(Query(f"sum({increase(name, HOST)})", what) for what, name in counters.items()),
            Query(f"sum({errors})", "answers"),
        ],
        unit="none",
        empty="no exporter answers",
        low=0,
    )


def _durations() -> TimeSeries:
    duration = select("tcp_pressure_collector_duration_seconds", NAMESPACE)
    return TimeSeries(
        title="Time per sample",
        meaning="Wall time of each collector on the slowest host.",
        normal="together below half of the interval.",
        action="the time follows the number of sockets; parser=readable in build_info means that"
        " the compiled parser is missing.",
        queries=[Query(f"max by (collector) ({duration})", "{{collector}}")],
        unit="s",
        empty="no sample",
        low=0,
        stacked=True,
        calcs=(),
    )


def _unlisted() -> TimeSeries:
    unlisted = select("tcp_pressure_unlisted_pool_ports_used", DIRECTION)
    overflow = select("tcp_pressure_pool_overflow_sockets", DIRECTION)
    return TimeSeries(
        title="Ports outside the table",
        meaning="Ports in use in pools without a series of their own, by direction; overflow:"
        " sockets in no pool at all.",
        normal="unlisted ones are in small pools. overflow is 0.",
        action="overflow above 0: the other numbers on pools are too low. See the runbook"
        " TcpPressurePoolsOverflow.",
        queries=[
            Query(f"sum by (direction) ({unlisted})", "{{direction}}"),
            Query(f"sum({overflow})", "overflow"),
        ],
        unit="locale",
        empty="no sample",
        low=0,
        colours=DIRECTIONS | {"overflow": DANGER},
    )


def _pools() -> TimeSeries:
    pools = select("tcp_pressure_pools", DIRECTION)
    return TimeSeries(
        title="Pools",
        meaning="How many pools have at least one socket, listed or not.",
        normal="as many as pairs of address and destination, or client.",
        action="tens of thousands of inbound ones are many clients, or a scan.",
        queries=[Query(f"sum by (direction) ({pools})", "{{direction}}")],
        unit="locale",
        empty="no sample",
        low=0,
        colours=DIRECTIONS,
    )


def _namespaces() -> TimeSeries:
    namespaces = select("tcp_pressure_namespaces", HOST)
    return TimeSeries(
        title="Other network namespaces",
        meaning="Containers and pods of the hosts chosen, by what comes of them.",
        normal="none unreadable.",
        action="unreadable: the exporter lacks CAP_SYS_ADMIN and CAP_SYS_PTRACE. unlisted: raise"
        " --netns.max.",
        queries=[Query(f"sum by (state) ({namespaces})", "{{state}}")],
        unit="none",
        empty="Not asked for: --collector.netns samples containers and pods.",
        low=0,
    )
