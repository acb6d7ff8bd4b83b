import pytest

from tcp_pressure_exporter.collectors.limits import FAMILIES
from tcp_pressure_exporter.kernel.errors import SourceError
from tcp_pressure_exporter.model.outcome import Outcome
from tcp_pressure_exporter.model.sample import NamespaceSample, Resource
from tests.collectors.exposition import golden, of_namespaces

RESOURCES = (Resource("time_wait_buckets", 0, 262144),)


def test_golden() -> None:
    """Each resource has its use and its limit; a use of zero is shown."""
    sample = NamespaceSample("host", limits=Outcome(0.1, RESOURCES))
    assert of_namespaces(FAMILIES, sample) == golden("""
        # TYPE tcp_pressure_resource_used gauge
        tcp_pressure_resource_used{netns="host",resource="time_wait_buckets"} 0.0
        # TYPE tcp_pressure_resource_limit gauge
        tcp_pressure_resource_limit{netns="host",resource="time_wait_buckets"} 262144.0
    """)


@pytest.mark.parametrize("outcome", [None, Outcome(0.1, error=SourceError("sockstat", "no"))])
def test_absent(outcome: Outcome[tuple[Resource, ...]] | None) -> None:
    """Where the source failed, or the collector is off, no resource is shown."""
    assert "{" not in of_namespaces(FAMILIES, NamespaceSample("host", limits=outcome))
