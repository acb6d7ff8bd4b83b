"""A pool whose limit is unknown: an absent number is not shown as zero."""

from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.resources import resource_words


def test_unknown_limit() -> None:
    """How full it is and how many ports it has are unknown; how many are used is known."""
    name = "10.0.0.2:outside → 10.0.0.9:80"
    words = resource_words(
        Pressure("outbound", name, 1500, None, Severity.CALM, advice="", time_wait=3)
    )
    assert (words.percent, words.used, words.left) == ("unknown", "1,500 / unknown", "unknown")
