"""Whether the numbers above can be trusted: the exporter itself."""

from grafana.source.colour import ATTENTION, CLEAR, DANGER, DIRECTIONS
from grafana.source.layout import Section, Shelf
from grafana.source.panel import TimeSeries
from grafana.source.query import DIRECTION, HOST, NAMESPACE, Query, increase, rate, select
from grafana.source.threshold import steps

SAMPLED = select("tcp_pressure_sample_timestamp_seconds", HOST)
TOP = 10


def exporter() -> Section:
    return Section(
        "The exporter itself",
        [
            Shelf(8, [(6, _failures()), (6, _age()), (6, _durations()), (6, _cost())]),
            Shelf(
                8,
                [
                    (5, _counted()),
                    (5, _unlisted()),
                    (4, _pools()),
                    (5, _series()),
                    (5, _namespaces()),
                ],
            ),
        ],
    )


def _failures() -> TimeSeries:
    success = select("tcp_pressure_collector_success", NAMESPACE)
    return TimeSeries(
        title="Collectors that fail",
        meaning="Parts of the sample that failed; their metrics are then absent.",
        normal="0.",
        action="the exporter's log has one line with the reason.",
        queries=[Query(f"sum by (collector) (1 - {success})", "{{collector}}")],
        unit="none",
        empty="no sample",
        low=0,
        thresholds=steps((1, ATTENTION), base=CLEAR),
        calcs=(),
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


def _age() -> TimeSeries:
    interval = "tcp_pressure_sample_interval"
    return TimeSeries(
        title="Age of the sample",
        meaning="How old the newest sample was at the scrape, against the interval it is taken at"
        " and the one configured; the oldest of the hosts chosen.",
        normal="below the interval.",
        action="an interval above the configured one: sampling would else use more than its share"
        " of a CPU.",
        queries=[
            Query(f"max(timestamp({SAMPLED}) - {SAMPLED})", "age"),
            Query(f"max({select(f'{interval}_seconds', HOST)})", "interval"),
            Query(f"max({select(f'{interval}_configured_seconds', HOST)})", "configured"),
        ],
        unit="s",
        empty="The exporters answer, but have no sample.",
        low=0,
        colours={"age": "blue", "interval": "orange", "configured": "green"},
        dashed=["configured"],
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


def _cost() -> TimeSeries:
    return TimeSeries(
        title="CPU and memory of the exporter",
        meaning="The share of one CPU, and resident memory (right), of the exporter with the most.",
        normal="CPU below 5 % (--sample.max-cpu) but for scrapes, memory below 60 MB.",
        action="a longer --sample.interval, or a smaller --pool.top.",
        queries=[
            Query(f"max({rate('process_cpu_seconds_total', HOST)})", "CPU"),
            Query(f"max({select('process_resident_memory_bytes', HOST)})", "memory"),
        ],
        unit="percentunit",
        empty="no exporter answers",
        low=0,
        colours={"CPU": "blue", "memory": "purple"},
        right={"memory": "bytes"},
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


def _series() -> TimeSeries:
    return TimeSeries(
        title="Series per exporter",
        meaning="How many series the page of each exporter has, of those with the most.",
        normal="190 to 500, and at most 220 more for each further network namespace.",
        action="sample_limit in Prometheus's scrape configuration refuses pages above it.",
        queries=[
            Query(
                f"topk({TOP}, {select('scrape_samples_scraped', HOST)})", "{{cluster}} {{instance}}"
            ),
        ],
        unit="locale",
        empty="Prometheus knows no exporter.",
        low=0,
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
