"""What the verdict says about a full source pool, by what the kernel said of hidden ports."""

import pytest

from tcp_pressure_exporter.facts.addresses import V4_ANY
from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.pools.near_limit.closer_look import CanaryReport
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable
from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.verdict.assessment import assess
from tcp_pressure_exporter.verdict.headline import headline
from tests.support.fakes.samples import namespace_sample


def full(report: CanaryReport | None) -> NamespaceSample:
    """Return a host whose source pool has all its 1,000 ports in use."""
    key = PoolKey(V4_ANY, b"", b"")
    pool = ListedPool(key, "10.0.0.2", "", "", Usage(1000, 1000, 0, None))
    tables = {"source": PoolTable(1, 1.0, 1.0, (pool,), 0, 0)}
    canary = None if report is None else Outcome(0.0, report)
    return namespace_sample("host", pools=Outcome(0.0, tables), canary=canary)


@pytest.mark.parametrize(
    ("report", "verdict", "left", "says"),
    [
        (CanaryReport((), 600.0), "critical", 0, "IP_BIND_ADDRESS_NO_PORT"),
        (CanaryReport((), 0.0, bound_ports=50), "critical", 0, "IP_BIND_ADDRESS_NO_PORT"),
        (CanaryReport((), 0.0), "calm", None, "no application binds"),
        (CanaryReport((), None, "ENOPROTOOPT"), "warning", None, "is not known here"),
        (None, "warning", None, "is not known here"),
    ],
)
def test_full(report: CanaryReport | None, verdict: str, left: float | None, says: str) -> None:
    """It is full now for those that bind, harmless if nothing does, and otherwise unknown."""
    assessment = assess(full(report))
    [found] = assessment.pressures
    assert assessment.verdict == verdict
    assert found.seconds_left == left
    assert says in found.advice


def test_headline() -> None:
    """The sentence names the full pool."""
    assert headline(assess(full(CanaryReport((), 600.0)))) == "Source pool 10.0.0.2 is full."
