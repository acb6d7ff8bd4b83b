"""What a full source pool means, by whether applications bind before connecting."""

import pytest

from tcp_pressure_exporter.findings.binding import somebody_binds, source_advice, source_severity
from tcp_pressure_exporter.findings.kinds import KINDS, Severity
from tcp_pressure_exporter.pools.directions import SOURCE
from tcp_pressure_exporter.pools.near_limit.closer_look import CanaryReport
from tcp_pressure_exporter.pools.usage import Usage

CALM, WARNING, CRITICAL = Severity.CALM, Severity.WARNING, Severity.CRITICAL


@pytest.mark.parametrize(
    ("hidden", "bound", "binds"),
    [(50.0, 0, True), (49.9, 0, False), (0.0, 50, True), (20.0, 30, True), (0.0, 0, False)],
)
def test_somebody_binds(hidden: float, bound: int, *, binds: bool) -> None:
    """It starts at a twentieth of 1,000 ports, hidden and only bound ones together."""
    assert somebody_binds(CanaryReport((), hidden, bound_ports=bound), 1000) is binds


def test_not_known() -> None:
    """Without the canary, or if the kernel did not say, it is unknown."""
    assert somebody_binds(None, 1000) is None
    assert somebody_binds(CanaryReport((), None, "before 6.3"), 1000) is None
    assert somebody_binds(CanaryReport((), 0.0), 0) is False


@pytest.mark.parametrize(
    ("used", "binds", "severity"),
    [
        (799, True, CALM),
        (800, True, WARNING),
        (999, True, WARNING),
        (1000, True, CRITICAL),
        (1000, False, CALM),
        (800, None, WARNING),
        (1000, None, WARNING),
        (799, None, CALM),
    ],
)
def test_severity(used: int, *, binds: bool | None, severity: Severity) -> None:
    """A full pool is critical for those that bind, calm if nothing does, else a warning."""
    assert source_severity(Usage(used, 1000, 0, None), binds=binds) is severity


def test_advice() -> None:
    """No option is advised if nothing binds, or if that is unknown."""
    assert source_advice(None, binds=True) == KINDS[SOURCE].advice
    assert "no application binds" in source_advice(None, binds=False)
    assert "is not known here" in source_advice(None, binds=None)
    refused = CanaryReport((), None, no_estimate="ENOPROTOOPT")
    assert source_advice(refused, binds=None).endswith("answer: ENOPROTOOPT.")
    for binds in (False, None):
        assert "IP_BIND_ADDRESS_NO_PORT" not in source_advice(None, binds=binds)


def test_subflows() -> None:
    """If MPTCP may hold most hidden ports, its endpoints are meant; with fewer, applications."""
    assert "MPTCP" in source_advice(CanaryReport((), 600.0, subflows=301), binds=True)
    assert "MPTCP" not in source_advice(CanaryReport((), 600.0, subflows=300), binds=True)
    assert not CanaryReport((), 0.0, subflows=5).subflows_hide


def test_subflows_where_hidden_ports_are_known() -> None:
    """An exact number of hidden ports, which is not estimated, says the same."""
    assert CanaryReport((), None, subflows=301, known_hidden=600).subflows_hide
    assert not CanaryReport((), None, subflows=300, known_hidden=600).subflows_hide
    assert not CanaryReport((), None, subflows=301).subflows_hide
    assert not CanaryReport((), None, subflows=5).subflows_hide
