"""Whether the numbers above can be trusted: the exporters of the fleet."""

from grafana.source.colour import ATTENTION, CLEAR
from grafana.source.health import HEADING
from grafana.source.layout import Section, Shelf
from grafana.source.panel import TimeSeries
from grafana.source.query import FLEET, Query, recorded
from grafana.source.threshold import steps

UNRECORDED = "Nothing is recorded: load rules/fleet.yml."


def exporters() -> Section:
    return Section(HEADING, [Shelf(8, [(8, _answering()), (8, _failing()), (8, _age())])])


def _answering() -> TimeSeries:
    return TimeSeries(
        title="Exporters that answer, over time",
        meaning="How many exporters Prometheus could scrape, of how many it knows.",
        normal="both lines on each other.",
        action="the alert TcpPressureExporterDown names those that do not answer.",
        queries=[
            Query(f"sum({recorded('job:tcp_pressure_up:sum', FLEET)})", "answer"),
            Query(f"sum({recorded('job:tcp_pressure_up:count', FLEET)})", "known"),
        ],
        unit="locale",
        empty=UNRECORDED,
        low=0,
        colours={"answer": "blue", "known": "green"},
        dashed=["known"],
    )


def _failing() -> TimeSeries:
    failed = recorded("job_collector:tcp_pressure_collector_success:count_failed", FLEET)
    return TimeSeries(
        title="Failing collectors of the fleet",
        meaning="On how many hosts and network namespaces a part of the sample failed; its metrics"
        " are then absent.",
        normal="0.",
        action="the alert TcpPressureCollectorFailing names the host; the exporter's log has one"
        " line with the reason.",
        queries=[Query(f"sum by (collector) ({failed})", "{{collector}}")],
        unit="locale",
        empty=UNRECORDED,
        low=0,
        thresholds=steps((1, ATTENTION), base=CLEAR),
        calcs=(),
        at_least=1,
    )


def _age() -> TimeSeries:
    oldest = recorded("job:tcp_pressure_sample_age_seconds:max", FLEET)
    return TimeSeries(
        title="Oldest sample of the fleet",
        meaning="How old the newest sample was at the scrape, on the host where it was oldest.",
        normal="below the interval of sampling, 5 s.",
        action="longer: the overview of the host shows its interval and what sampling costs.",
        queries=[Query(f"max({oldest})", "oldest")],
        unit="s",
        empty=UNRECORDED,
        low=0,
        colours={"oldest": "blue"},
    )
