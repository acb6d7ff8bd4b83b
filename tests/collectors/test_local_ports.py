import pytest

from tcp_pressure_exporter.collectors.local_ports import FAMILIES
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tests.collectors.exposition import golden, of_namespaces
from tests.support.fakes.samples import namespace_sample

PORTS = LocalPorts(low=32768, high=60999, reserved=2, usable=28230, used=20593, listeners=0)


def test_golden() -> None:
    """Each figure is one series; a zero is shown."""
    sample = namespace_sample("host", local_ports=Outcome(0.1, PORTS))
    assert of_namespaces(FAMILIES, sample) == golden("""
        # TYPE tcp_pressure_local_port_range_low gauge
        tcp_pressure_local_port_range_low{netns="host"} 32768.0
        # TYPE tcp_pressure_local_port_range_high gauge
        tcp_pressure_local_port_range_high{netns="host"} 60999.0
        # TYPE tcp_pressure_local_ports_reserved gauge
        tcp_pressure_local_ports_reserved{netns="host"} 2.0
        # TYPE tcp_pressure_local_ports_usable gauge
        tcp_pressure_local_ports_usable{netns="host"} 28230.0
        # TYPE tcp_pressure_local_ports_used gauge
        tcp_pressure_local_ports_used{netns="host"} 20593.0
        # TYPE tcp_pressure_listeners_in_local_port_range gauge
        tcp_pressure_listeners_in_local_port_range{netns="host"} 0.0
    """)


@pytest.mark.parametrize("outcome", [None, Outcome(0.1, error=SourceError("range", "absent"))])
def test_absent(outcome: Outcome[LocalPorts] | None) -> None:
    """Where the source failed, or the collector is off, no figure is shown, not even zero."""
    sample = namespace_sample("host", local_ports=outcome)
    assert "{" not in of_namespaces(FAMILIES, sample)
