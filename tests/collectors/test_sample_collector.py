import math
from collections.abc import Iterable
from dataclasses import replace

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric

from tcp_pressure_exporter.collectors.registry import SampleCollector
from tcp_pressure_exporter.daemon.collectors import COLLECTORS, all_families
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.pools.table import Churn, PoolTable
from tcp_pressure_exporter.sample.exporter import ExporterCounts, ExporterState
from tcp_pressure_exporter.sample.sample import NamespaceSample, Sample
from tests.support.fakes.samples import namespace_sample, with_parts

NO_POOLS = PoolTable(0, 0.0, 0.0, (), 0, 0, Churn(0, 0, math.inf))
WHOLE = namespace_sample(
    "host",
    sockets=Outcome(0.1, {("ipv4", "established"): 0}),
    local_ports=Outcome(0.1, LocalPorts(32768, 60999, 0, 28232, 0, 0, 28232, 20000, (), 62.048, 0)),
    pools=Outcome(0.1, {"outbound": NO_POOLS}),
    limits=Outcome(0.1, (Resource("time_wait_buckets", 0, 262144),)),
)
STATE = ExporterState("0.1.0", "3.11.2", "compiled")
EXPORTER = {
    "tcp_pressure_build_info",
    "tcp_pressure_sample_source_info",
    "tcp_pressure_config_reloads",
    "tcp_pressure_web_config_reloads",
    "tcp_pressure_collector_failures",
    "tcp_pressure_sample_failures",
    "tcp_pressure_log_lines_lost",
    "tcp_pressure_http_responses",
    "tcp_pressure_http_accept_failures",
}
ALWAYS = EXPORTER | {
    "tcp_pressure_sample_timestamp_seconds",
    "tcp_pressure_sample_interval_seconds",
    "tcp_pressure_sample_interval_configured_seconds",
    "tcp_pressure_collector_success",
    "tcp_pressure_collector_duration_seconds",
}


def sample_of(*namespaces: NamespaceSample) -> Sample:
    return Sample(
        timestamp=1.8e9,
        started=100.0,
        cpu_seconds=0.01,
        interval=5.0,
        configured_interval=5.0,
        namespaces=namespaces,
    )


def collector(sample: Sample | None) -> SampleCollector:
    return SampleCollector(lambda: sample, lambda: STATE, ExporterCounts, all_families())


def collected(sample: Sample | None) -> dict[str, Metric]:
    return {metric.name: metric for metric in collector(sample).collect()}


def names_of(*collectors: str) -> set[str]:
    """Return the families of some collectors that do not need a listed pool.

    The library keeps a counter under its name without _total, and adds that in the answer.
    """
    families = [family for name in collectors for family in COLLECTORS[name].families]
    return {
        family.name.removesuffix("_total")
        for family in families
        if "local_address" not in family.labels
    }


def values(metric: Metric) -> dict[str, float]:
    return {sample.labels["collector"]: sample.value for sample in metric.samples}


def test_no_sample_yet() -> None:
    """Before the first sample only the exporter itself is known."""
    assert set(collected(None)) == EXPORTER


def test_whole_sample() -> None:
    """If every collector works, each of its families is there, zeros included."""
    expected = ALWAYS | names_of("sockets", "local_ports", "pools", "limits")
    assert set(collected(sample_of(WHOLE))) == expected


def test_failed_collector() -> None:
    """A collector that failed has success 0 and none of its families: absent is not zero."""
    failed = with_parts(WHOLE, pools=Outcome(0.3, error=SourceError("range", "absent")))
    found = collected(sample_of(failed))
    assert set(found) == ALWAYS | names_of("sockets", "local_ports", "limits")
    assert values(found["tcp_pressure_collector_success"]) == {
        "sockets": 1.0,
        "local_ports": 1.0,
        "pools": 0.0,
        "limits": 1.0,
    }
    assert values(found["tcp_pressure_collector_duration_seconds"])["pools"] == 0.3


def test_collector_that_is_off() -> None:
    """A collector that is off has neither families nor a success."""
    found = collected(sample_of(namespace_sample("host", limits=Outcome(0.1, ()), pools=None)))
    assert set(found) == ALWAYS
    assert values(found["tcp_pressure_collector_success"]) == {"limits": 1.0}


def test_failure_in_one_namespace() -> None:
    """A failure in one namespace leaves the numbers of another."""
    broken = namespace_sample("b", limits=Outcome(0.1, error=SourceError("sockstat", "no")))
    found = collected(sample_of(replace(WHOLE, netns="a"), broken))
    assert [row.labels["netns"] for row in found["tcp_pressure_resource_used"].samples] == ["a"]
    assert [
        (row.labels["netns"], row.value)
        for row in found["tcp_pressure_collector_success"].samples
        if row.labels["collector"] == "limits"
    ] == [("a", 1.0), ("b", 0.0)]


def test_expired_sample() -> None:
    """An expired sample shows its time and that every collector failed, and no number."""
    found = collected(sample_of(WHOLE).expired())
    assert set(found) == ALWAYS
    assert set(values(found["tcp_pressure_collector_success"]).values()) == {0.0}
    assert found["tcp_pressure_sample_timestamp_seconds"].samples[0].value == 1.8e9


def test_newest_is_asked_at_each_scrape() -> None:
    """Each scrape shows the sample that is newest at that moment."""
    samples = iter([None, sample_of(WHOLE)])
    fresh = SampleCollector(lambda: next(samples), lambda: STATE, ExporterCounts, all_families())
    assert len(list(fresh.collect())) < len(list(fresh.collect()))


def test_describe_takes_no_sample() -> None:
    """Describing names all families, with types and without values, whatever the sample is."""

    def no_sample() -> Sample | None:
        raise AssertionError("a sample was asked for")

    described = list(
        SampleCollector(no_sample, lambda: STATE, ExporterCounts, all_families()).describe()
    )
    assert {metric.name for metric in described} >= set(collected(sample_of(WHOLE)))
    assert all(not metric.samples and metric.type != "unknown" for metric in described)


def filtered(sample: Sample | None, names: Iterable[str]) -> list[str]:
    """Return the series of an exposition that name[] selects."""
    registry = CollectorRegistry()
    registry.register(collector(sample))
    lines = generate_latest(registry.restricted_registry(names)).decode().splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_filter() -> None:
    """The names that a scrape asks for, and no others, are in the answer."""
    names = ["tcp_pressure_local_ports_usable", "tcp_pressure_resource_limit", "no_such_metric"]
    assert filtered(sample_of(WHOLE), names) == [
        'tcp_pressure_local_ports_usable{netns="host"} 28232.0',
        'tcp_pressure_resource_limit{netns="host",resource="time_wait_buckets"} 262144.0',
    ]


def test_filter_of_a_counter() -> None:
    """A counter is requested by the name that it has in the answer."""
    name = "tcp_pressure_config_reloads_total"
    assert filtered(None, [name]) == [
        f'{name}{{result="success"}} 0.0',
        f'{name}{{result="failure"}} 0.0',
    ]


def test_filter_of_an_absent_family() -> None:
    """Asking for a family of a collector that failed gives nothing."""
    broken = namespace_sample("b", limits=Outcome(0.1, error=SourceError("sockstat", "no")))
    assert filtered(sample_of(broken), ["tcp_pressure_resource_used"]) == []
