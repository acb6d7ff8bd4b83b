import pytest

from tcp_pressure_exporter.collectors.findings import FAMILIES
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.findings.finding import FindingState
from tcp_pressure_exporter.findings.table import FINDINGS
from tests.collectors.exposition import golden, of_namespaces
from tests.support.fakes.samples import namespace_sample

BY_NAME = {finding.name: finding for finding in FINDINGS}
STATES = (
    FindingState(BY_NAME["tw_recycle_enabled"], None),
    FindingState(BY_NAME["listener_in_port_range"], 'port 40000 (a".service)'),
    FindingState(BY_NAME["conntrack_drops"], "nf_conntrack_drop rose by 30 within 60 s"),
)


def test_golden() -> None:
    """A finding is 1 if there is something, otherwise 0; what was found is not a label.

    What one of the kernel's counters already shows is not another metric.
    """
    sample = namespace_sample("host", findings=Outcome(0.1, STATES))
    assert of_namespaces(FAMILIES, sample) == golden("""
        # TYPE tcp_pressure_finding gauge
        tcp_pressure_finding{finding="tw_recycle_enabled",netns="host"} 0.0
        tcp_pressure_finding{finding="listener_in_port_range",netns="host"} 1.0
    """)


def test_what_cannot_be_told() -> None:
    """A finding that cannot be evaluated is absent; the others stay."""
    partly = Outcome(0.1, STATES[:1], SourceError("bound", "no"))
    text = of_namespaces(FAMILIES, namespace_sample("host", findings=partly))
    assert text.count("{") == 1
    assert "tw_recycle_enabled" in text


@pytest.mark.parametrize("outcome", [None, Outcome(0.1, error=SourceError("findings", "no"))])
def test_absent(outcome: Outcome[tuple[FindingState, ...]] | None) -> None:
    """If nothing is known, or the collector is off, no finding is shown."""
    assert "{" not in of_namespaces(FAMILIES, namespace_sample("host", findings=outcome))
