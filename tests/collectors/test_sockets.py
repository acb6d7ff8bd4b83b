from tcp_pressure_exporter.collectors.sockets import FAMILIES
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tests.collectors.exposition import golden, of_namespaces
from tests.support.fakes.samples import namespace_sample


def test_golden() -> None:
    """One series per family and state, zero included."""
    states = {("ipv4", "established"): 182, ("ipv4", "time_wait"): 20411, ("ipv6", "close"): 0}
    sample = namespace_sample("host", sockets=Outcome(0.1, states))
    assert of_namespaces(FAMILIES, sample) == golden("""
        # TYPE tcp_pressure_sockets gauge
        tcp_pressure_sockets{family="ipv4",netns="host",state="established"} 182.0
        tcp_pressure_sockets{family="ipv4",netns="host",state="time_wait"} 20411.0
        tcp_pressure_sockets{family="ipv6",netns="host",state="close"} 0.0
    """)


def test_absent() -> None:
    """If the source failed, or the collector is off, there is no series."""
    failed = namespace_sample("a", sockets=Outcome(0.1, error=SourceError("sock_diag dump", "no")))
    bare = "# TYPE tcp_pressure_sockets gauge\n"
    assert of_namespaces(FAMILIES, failed, namespace_sample("b")) == bare
