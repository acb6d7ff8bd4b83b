from tcp_pressure_exporter.collectors.canary import FAMILIES
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.questions import CanaryAnswer
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.pools.near_limit.closer_look import CanaryReport, Probe
from tcp_pressure_exporter.pools.table import ListedPool
from tcp_pressure_exporter.pools.usage import Usage
from tests.collectors.exposition import golden, of_namespaces
from tests.support.fakes.samples import namespace_sample


def probe(remote: str, success: bool | None, seconds: float | None) -> Probe:  # noqa: FBT001 - as in CanaryAnswer
    pool = ListedPool(PoolKey(b"", b"", b""), "10.0.0.2", remote, "443", Usage(9, 10, 0, 0))
    return Probe(pool, CanaryAnswer(success, seconds, ""))


def page(report: CanaryReport) -> str:
    return of_namespaces(FAMILIES, namespace_sample("host", canary=Outcome(0.1, report)))


def test_golden() -> None:
    """A verdict has a series; an unknown verdict, and a search that was not made, have none."""
    probes = (
        probe("10.0.0.7", success=True, seconds=0.0011),
        probe("10.0.0.8", success=False, seconds=0.002),
        probe("10.0.0.9", success=True, seconds=None),
        probe("10.0.0.10", success=None, seconds=None),
    )
    assert page(CanaryReport(probes, 12.5)) == golden("""
        # TYPE tcp_pressure_pool_canary_success gauge
        tcp_pressure_pool_canary_success{direction="outbound",local_address="10.0.0.2",\\
            netns="host",port="443",remote_address="10.0.0.7"} 1.0
        tcp_pressure_pool_canary_success{direction="outbound",local_address="10.0.0.2",\\
            netns="host",port="443",remote_address="10.0.0.8"} 0.0
        tcp_pressure_pool_canary_success{direction="outbound",local_address="10.0.0.2",\\
            netns="host",port="443",remote_address="10.0.0.9"} 1.0
        # TYPE tcp_pressure_pool_canary_seconds gauge
        tcp_pressure_pool_canary_seconds{direction="outbound",local_address="10.0.0.2",\\
            netns="host",port="443",remote_address="10.0.0.7"} 0.0011
        tcp_pressure_pool_canary_seconds{direction="outbound",local_address="10.0.0.2",\\
            netns="host",port="443",remote_address="10.0.0.8"} 0.002
        # TYPE tcp_pressure_local_ports_hidden_estimate gauge
        tcp_pressure_local_ports_hidden_estimate{netns="host"} 12.5
    """)


def test_nothing_to_ask() -> None:
    """There is no series if nothing was asked, or if the canary failed or is off."""
    nothing = page(CanaryReport((), None))
    assert "{" not in nothing
    failed = namespace_sample("host", canary=Outcome(0.1, error=SourceError("canary", "off")))
    assert of_namespaces(FAMILIES, failed) == nothing
    assert of_namespaces(FAMILIES, namespace_sample("host")) == nothing
