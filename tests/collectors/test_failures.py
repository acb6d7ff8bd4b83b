from tcp_pressure_exporter.collectors.failures import FAMILIES
from tcp_pressure_exporter.facts.failures import BIND_FAILURES, CONNECT_FAILURES
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.sample.counted.failures import FailureOwner, PortFailures
from tests.collectors.exposition import golden, of_namespaces
from tests.support.fakes.samples import namespace_sample

NO_PORTS, PORTS_TAKEN = CONNECT_FAILURES
PROXY = FailureOwner(NO_PORTS, Owner("p.service", 'e"vo\ny'), "10.0.0.2", "10.0.0.9", "443")


def test_golden() -> None:
    """Each kind has its total and its remainder, zero included; a name stays text."""
    found = PortFailures(
        totals={NO_PORTS: 1204, PORTS_TAKEN: 0},
        listed={PROXY: 1200},
        unlisted={NO_PORTS: 4, PORTS_TAKEN: 0},
    )
    sample = namespace_sample("host", failures=Outcome(0.1, found))
    assert of_namespaces(FAMILIES, sample) == golden(r"""
        # TYPE tcp_pressure_connect_failures_total counter
        tcp_pressure_connect_failures_total{cause="no_port",netns="host"} 1204.0
        tcp_pressure_connect_failures_total{cause="port_taken",netns="host"} 0.0
        # TYPE tcp_pressure_bind_failures_total counter
        # TYPE tcp_pressure_port_failure_owner_total counter
        tcp_pressure_port_failure_owner_total{call="connect",cause="no_port",\
            local_address="10.0.0.2",netns="host",port="443",process="e\"vo\ny",\
            remote_address="10.0.0.9",service="p.service"} 1200.0
        # TYPE tcp_pressure_unlisted_port_failures_total counter
        tcp_pressure_unlisted_port_failures_total{call="connect",cause="no_port",netns="host"} 4.0
        tcp_pressure_unlisted_port_failures_total{call="connect",cause="port_taken",\
            netns="host"} 0.0
    """)


def test_binds() -> None:
    """If bind() is counted too, it has totals and remainders of its own."""
    owner = FailureOwner(BIND_FAILURES[0], Owner("p.service", "squid"), "10.0.0.2", "", "")
    kinds = dict.fromkeys(CONNECT_FAILURES + BIND_FAILURES, 0)
    found = PortFailures({**kinds, BIND_FAILURES[0]: 3}, {owner: 3}, kinds)
    text = of_namespaces(FAMILIES, namespace_sample("host", failures=Outcome(0.1, found)))
    assert 'bind_failures_total{cause="no_port",netns="host"} 3.0' in text
    assert 'bind_failures_total{cause="port_taken",netns="host"} 0.0' in text
    assert 'connect_failures_total{cause="no_port",netns="host"} 0.0' in text
    assert (
        'tcp_pressure_port_failure_owner_total{call="bind",cause="no_port",'
        'local_address="10.0.0.2",netns="host",port="",process="squid",remote_address="",'
        'service="p.service"} 3.0'
    ) in text
    assert 'unlisted_port_failures_total{call="bind",cause="no_port",netns="host"} 0.0' in text


def test_absent() -> None:
    """If the counts cannot be read, nothing is shown, not even zero."""
    sample = namespace_sample("host", failures=Outcome(0.1, error=SourceError("BPF", "gone")))
    assert "{" not in of_namespaces(FAMILIES, sample)
