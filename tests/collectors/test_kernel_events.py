from collections.abc import Mapping

import pytest

from tcp_pressure_exporter.collectors.kernel_events import EVENTS, FAMILIES
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tests.collectors.exposition import golden, of_namespaces
from tests.support.fakes.samples import namespace_sample
from tests.support.sampled import Namespace

COUNTERS = {"TCPTimeWaitOverflow": 7, "MaxConn": -1, "CurrEstab": 3, "ListenOverflows": 0}
# Newer than Linux 6.1.
RECENT = {"PAWSTimewait"}


def test_golden() -> None:
    """Those of the chosen counters that the kernel has are shown, zero included, and no others."""
    sample = namespace_sample("host", kernel_events=Outcome(0.1, COUNTERS))
    assert of_namespaces(FAMILIES, sample) == golden("""
        # TYPE tcp_pressure_kernel_events_total counter
        tcp_pressure_kernel_events_total{event="TCPTimeWaitOverflow",netns="host"} 7.0
        tcp_pressure_kernel_events_total{event="ListenOverflows",netns="host"} 0.0
    """)


def test_names() -> None:
    """The running kernel knows every name except newer ones; each is there once."""
    known = Namespace().statistics().keys()
    assert set(EVENTS) - known <= RECENT
    assert len(set(EVENTS)) == len(EVENTS) <= 34


@pytest.mark.parametrize(
    "outcome", [None, Outcome(0.1, {}), Outcome(0.1, error=SourceError("netstat", "no"))]
)
def test_absent(outcome: Outcome[Mapping[str, int]] | None) -> None:
    """If the source failed, or the collector is off, no event is shown."""
    assert "{" not in of_namespaces(FAMILIES, namespace_sample("host", kernel_events=outcome))
