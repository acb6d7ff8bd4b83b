"""What each cause of CLOSE_WAIT is called, and when it becomes a leak."""

import pytest

from tcp_pressure_exporter.facts.close_wait import CAUSES
from tcp_pressure_exporter.findings.close_wait import CLOSE_WAIT_CAUSES, close_wait_severity
from tcp_pressure_exporter.findings.kinds import Severity


def test_every_cause_has_a_row() -> None:
    """Whatever cause an entry shows, there are words and advice for it, in the same order."""
    assert tuple(CLOSE_WAIT_CAUSES) == CAUSES
    for cause in CLOSE_WAIT_CAUSES.values():
        assert cause.words
        assert cause.advice.endswith(".")


@pytest.mark.parametrize(
    ("sockets", "oldest_seconds", "severity"),
    [
        (100, 60.0, Severity.WARNING),
        (99, 3600.0, Severity.CALM),  # few: not worth waking anyone
        (5000, 59.9, Severity.CALM),  # many, in transit
    ],
)
def test_leak(sockets: int, oldest_seconds: float, severity: Severity) -> None:
    """A hundred sockets with one cause, the oldest a minute old, are a leak."""
    assert close_wait_severity(sockets, oldest_seconds) is severity
