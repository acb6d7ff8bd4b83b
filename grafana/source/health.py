"""Whether the numbers above can be trusted: the row that ends a dashboard of hosts."""

from grafana.source.colour import ATTENTION, CLEAR
from grafana.source.layout import Section, Shelf
from grafana.source.names import HOST_NAME
from grafana.source.panel import TimeSeries
from grafana.source.query import HOST, Query, rate, select
from grafana.source.threshold import steps

HEADING = "The exporter itself"
TOP = 10
COLLECTOR = "tcp_pressure_collector_success"
SAMPLED = select("tcp_pressure_sample_timestamp_seconds", HOST)


def health() -> Section:
    """Return the row; the overview has more."""
    return Section(HEADING, [Shelf(8, [(8, failures()), (8, age()), (8, cost())])])


def failures() -> TimeSeries:
    success = select(COLLECTOR, HOST)
    return TimeSeries(
        title="Failing collectors",
        meaning="Parts of the sample that failed; their metrics are then absent.",
        normal="0.",
        action="the exporter's log has one line with the reason.",
        queries=[Query(f"sum by (collector) (1 - {success})", "{{collector}}")],
        unit="none",
        empty="no sample",
        low=0,
        thresholds=steps((1, ATTENTION), base=CLEAR),
        calcs=(),
        at_least=1,
    )


def age() -> TimeSeries:
    interval = "tcp_pressure_sample_interval"
    return TimeSeries(
        title="Age of the sample",
        meaning="How old the newest sample was at the scrape, against the interval it is taken at"
        " and the one configured; the oldest of the hosts chosen.",
        normal="below the interval.",
        action="an interval above the configured one: otherwise sampling would use more than its"
        " share of a CPU.",
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


def cost() -> TimeSeries:
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


def series() -> TimeSeries:
    return TimeSeries(
        title="Series per exporter",
        meaning="How many series the page of each exporter has, of those with the most.",
        normal="190 to 500, and at most 220 more for each further network namespace.",
        action="sample_limit in Prometheus's scrape configuration refuses pages above it.",
        queries=[
            Query(f"topk({TOP}, {select('scrape_samples_scraped', HOST)})", HOST_NAME),
        ],
        unit="locale",
        empty="Prometheus knows no exporter.",
        low=0,
    )
