from tcp_pressure_exporter.collectors.health import (
    COUNTS_FAMILIES,
    EXPORTER_FAMILIES,
    NAMESPACE_FAMILIES,
    SAMPLE_FAMILIES,
)
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.questions import ToldBy
from tcp_pressure_exporter.sample.exporter import ExporterCounts, ExporterState
from tcp_pressure_exporter.sample.namespaces import Census, Elsewhere
from tcp_pressure_exporter.sample.sample import Sample
from tests.collectors.exposition import exposition, golden, of_namespaces
from tests.support.fakes.samples import namespace_sample


def test_collectors() -> None:
    """Each collector that is on has its success and its duration; one that is off has none."""
    sample = namespace_sample(
        "host",
        sockets=Outcome(0.25, error=SourceError("sock_diag dump", "no")),
        limits=Outcome(0.5, ()),
    )
    assert of_namespaces(NAMESPACE_FAMILIES, sample) == golden("""
        # TYPE tcp_pressure_collector_success gauge
        tcp_pressure_collector_success{collector="sockets",netns="host"} 0.0
        tcp_pressure_collector_success{collector="limits",netns="host"} 1.0
        # TYPE tcp_pressure_collector_duration_seconds gauge
        tcp_pressure_collector_duration_seconds{collector="sockets",netns="host"} 0.25
        tcp_pressure_collector_duration_seconds{collector="limits",netns="host"} 0.5
    """)


def test_sample() -> None:
    """The sample has its time, both intervals, and what happens to all other namespaces."""
    sample = Sample(
        timestamp=1763722800.5,
        started=1.0,
        cpu_seconds=0.5,
        interval=10.0,
        configured_interval=5.0,
        namespaces=(),
        census=Census(sampled=5, quiet=45),
        elsewhere=Elsewhere(7),
    )
    assert exposition(family.metric([((), sample)]) for family in SAMPLE_FAMILIES) == golden("""
        # TYPE tcp_pressure_namespaces gauge
        tcp_pressure_namespaces{state="sampled"} 5.0
        tcp_pressure_namespaces{state="unlisted"} 0.0
        tcp_pressure_namespaces{state="excluded"} 0.0
        tcp_pressure_namespaces{state="quiet"} 45.0
        tcp_pressure_namespaces{state="unreadable"} 0.0
        tcp_pressure_namespaces{state="not_looked_at"} 7.0
        # TYPE tcp_pressure_sample_timestamp_seconds gauge
        tcp_pressure_sample_timestamp_seconds 1.7637228005e+09
        # TYPE tcp_pressure_sample_interval_seconds gauge
        tcp_pressure_sample_interval_seconds 10.0
        # TYPE tcp_pressure_sample_interval_configured_seconds gauge
        tcp_pressure_sample_interval_configured_seconds 5.0
    """)


GAVE_WAY = ToldBy("netlink", "it failed", fallbacks=1)


def test_exporter() -> None:
    """The exporter shows what is running, and how often its configuration was read."""
    state = ExporterState(
        "0.1.0", "3.11.2", "compiled", 2, 1, told_by=ToldBy("netlink", "it failed", 1)
    )
    assert exposition(family.metric([((), state)]) for family in EXPORTER_FAMILIES) == golden("""
        # TYPE tcp_pressure_build_info gauge
        tcp_pressure_build_info{parser="compiled",python="3.11.2",version="0.1.0"} 1.0
        # TYPE tcp_pressure_sample_source_info gauge
        tcp_pressure_sample_source_info{source="netlink"} 1.0
        # TYPE tcp_pressure_sample_source_fallbacks_total counter
        tcp_pressure_sample_source_fallbacks_total 1.0
        # TYPE tcp_pressure_config_reloads_total counter
        tcp_pressure_config_reloads_total{result="success"} 2.0
        tcp_pressure_config_reloads_total{result="failure"} 1.0
    """)


def test_counts() -> None:
    """The exporter shows what failed, what was lost and what was answered."""
    counts = ExporterCounts(
        web_reloads=4,
        failed_web_reloads=3,
        failed_parts=7,
        failed_samples=1,
        lost_lines=3,
        responses={"2xx": 8120, "4xx": 2, "5xx": 1},
        failed_accepts=6,
    )
    assert exposition(family.metric([((), counts)]) for family in COUNTS_FAMILIES) == golden("""
        # TYPE tcp_pressure_web_config_reloads_total counter
        tcp_pressure_web_config_reloads_total{result="success"} 4.0
        tcp_pressure_web_config_reloads_total{result="failure"} 3.0
        # TYPE tcp_pressure_collector_failures_total counter
        tcp_pressure_collector_failures_total 7.0
        # TYPE tcp_pressure_sample_failures_total counter
        tcp_pressure_sample_failures_total 1.0
        # TYPE tcp_pressure_log_lines_lost_total counter
        tcp_pressure_log_lines_lost_total 3.0
        # TYPE tcp_pressure_http_responses_total counter
        tcp_pressure_http_responses_total{code="2xx"} 8120.0
        tcp_pressure_http_responses_total{code="4xx"} 2.0
        tcp_pressure_http_responses_total{code="5xx"} 1.0
        # TYPE tcp_pressure_http_accept_failures_total counter
        tcp_pressure_http_accept_failures_total 6.0
    """)
