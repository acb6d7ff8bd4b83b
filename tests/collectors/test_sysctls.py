from collections.abc import Mapping

import pytest

from tcp_pressure_exporter.collectors.sysctls import FAMILIES
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tests.collectors.exposition import golden, of_namespaces
from tests.support.fakes.samples import namespace_sample

SETTINGS = {"tcp_tw_reuse": 2, "tcp_rfc1337": 0, "tcp_ehash_entries": -262144}


def test_golden() -> None:
    """Each setting is shown by its name, zero and negative values too."""
    sample = namespace_sample("host", sysctls=Outcome(0.1, SETTINGS))
    assert of_namespaces(FAMILIES, sample) == golden("""
        # TYPE tcp_pressure_sysctl gauge
        tcp_pressure_sysctl{name="tcp_tw_reuse",netns="host"} 2.0
        tcp_pressure_sysctl{name="tcp_rfc1337",netns="host"} 0.0
        tcp_pressure_sysctl{name="tcp_ehash_entries",netns="host"} -262144.0
    """)


@pytest.mark.parametrize(
    "outcome", [None, Outcome(0.1, {}), Outcome(0.1, error=SourceError("sysctl", "no"))]
)
def test_absent(outcome: Outcome[Mapping[str, int]] | None) -> None:
    """If the source failed, or the collector is off, no setting is shown."""
    assert "{" not in of_namespaces(FAMILIES, namespace_sample("host", sysctls=outcome))
