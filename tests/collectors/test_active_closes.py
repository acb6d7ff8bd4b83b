from tcp_pressure_exporter.collectors.active_closes import FAMILIES
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND
from tcp_pressure_exporter.sample.counted.active_closes import ActiveCloses, ClosedPool, Closer
from tests.collectors.exposition import golden, of_namespaces
from tests.support.fakes.samples import namespace_sample

POOL = ClosedPool(OUTBOUND, "10.0.0.2%eth1", "10.0.0.9", "443")
PROXY = Closer(POOL, Owner("p.service", 'e"vo\ny'))


def test_golden() -> None:
    """Each closer has a series for its pool, and each direction a remainder; a name stays text."""
    found = ActiveCloses({PROXY: 1200}, {OUTBOUND: 4, INBOUND: 0})
    sample = namespace_sample("host", active_closes=Outcome(0.1, found))
    assert of_namespaces(FAMILIES, sample) == golden(r"""
        # TYPE tcp_pressure_pool_active_closes_total counter
        tcp_pressure_pool_active_closes_total{direction="outbound",local_address="10.0.0.2%eth1",\
            netns="host",port="443",process="e\"vo\ny",remote_address="10.0.0.9",\
            service="p.service"} 1200.0
        # TYPE tcp_pressure_unlisted_pool_active_closes_total counter
        tcp_pressure_unlisted_pool_active_closes_total{direction="outbound",netns="host"} 4.0
        tcp_pressure_unlisted_pool_active_closes_total{direction="inbound",netns="host"} 0.0
    """)


def test_absent() -> None:
    """If the counts cannot be read, nothing is shown, not even zero."""
    sample = namespace_sample("host", active_closes=Outcome(0.1, error=SourceError("BPF", "gone")))
    assert "{" not in of_namespaces(FAMILIES, sample)
