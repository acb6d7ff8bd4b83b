import pytest

from tcp_pressure_exporter.collectors.limits import FAMILIES
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.system import Resource
from tests.collectors.exposition import golden, of_namespaces
from tests.support.fakes.samples import namespace_sample

RESOURCES = (
    Resource("time_wait_buckets", 0, 262144),
    Resource("orphans", 12, 131072),
    Resource("memory_bytes", 708608, 2358484992),
    Resource("conntrack_entries", 20633, 262144),
)


def test_golden() -> None:
    """Each resource has its use and its limit; a use of zero is shown."""
    sample = namespace_sample("host", limits=Outcome(0.1, RESOURCES))
    assert of_namespaces(FAMILIES, sample) == golden("""
        # TYPE tcp_pressure_resource_used gauge
        tcp_pressure_resource_used{netns="host",resource="time_wait_buckets"} 0.0
        tcp_pressure_resource_used{netns="host",resource="orphans"} 12.0
        tcp_pressure_resource_used{netns="host",resource="memory_bytes"} 708608.0
        tcp_pressure_resource_used{netns="host",resource="conntrack_entries"} 20633.0
        # TYPE tcp_pressure_resource_limit gauge
        tcp_pressure_resource_limit{netns="host",resource="time_wait_buckets"} 262144.0
        tcp_pressure_resource_limit{netns="host",resource="orphans"} 131072.0
        tcp_pressure_resource_limit{netns="host",resource="memory_bytes"} 2.358484992e+09
        tcp_pressure_resource_limit{netns="host",resource="conntrack_entries"} 262144.0
    """)


def test_left_out() -> None:
    """A resource that the namespace does not show has no series."""
    sample = namespace_sample("pod", limits=Outcome(0.1, RESOURCES[:1]))
    assert "orphans" not in of_namespaces(FAMILIES, sample)


@pytest.mark.parametrize("outcome", [None, Outcome(0.1, error=SourceError("sockstat", "no"))])
def test_absent(outcome: Outcome[tuple[Resource, ...]] | None) -> None:
    """If the source failed, or the collector is off, no resource is shown."""
    assert "{" not in of_namespaces(FAMILIES, namespace_sample("host", limits=outcome))
