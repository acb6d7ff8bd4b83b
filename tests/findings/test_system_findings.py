"""Findings about Windows and Solaris settings, and which findings concern which system."""

from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.system import BSD, LINUX, MACOS, SOLARIS, SOLARIS_11_4, WINDOWS
from tcp_pressure_exporter.findings.evidence import Evidence
from tcp_pressure_exporter.findings.table import FINDINGS, evaluate
from tests.support.fakes.evidence import ORDINARY, failed, known, listener
from tests.support.fakes.tallies import bound_tally

EVERYWHERE = {"port_range_too_small", "listener_in_port_range"}


def of_system(system: str, **settings: int) -> Evidence:
    """Return the evidence of another system, where Linux's sources say nothing."""
    return replace(
        ORDINARY,
        system=system,
        sysctls=known(settings),
        rises=failed("not told"),
        resources=failed("not told"),
        canary=None,
    )


def found(evidence: Evidence) -> dict[str, str]:
    states, error = evaluate(evidence)
    assert error is None
    return {state.finding.name: state.detail for state in states if state.detail}


@pytest.mark.parametrize("delay", [5, 29, 301])
def test_delay_out_of_bounds(delay: int) -> None:
    """Windows accepts 30 to 300 s: anything outside is found."""
    detail = found(of_system(WINDOWS, TcpTimedWaitDelay=delay))["timed_wait_delay_out_of_bounds"]
    assert detail == f"TcpTimedWaitDelay = {delay}; allowed are 30 to 300"


@pytest.mark.parametrize("delay", [30, 120, 300])
def test_delay_within_bounds(delay: int) -> None:
    """The bounds themselves, and the default, are allowed."""
    assert found(of_system(WINDOWS, TcpTimedWaitDelay=delay)) == {}


def test_max_user_port() -> None:
    """A MaxUserPort that is set at all is found: nothing obeys it any more."""
    settings = {"TcpTimedWaitDelay": 120, "MaxUserPort": 65534}
    assert found(of_system(WINDOWS, **settings)) == {
        "max_user_port_leftover": "MaxUserPort = 65534"
    }


@pytest.mark.parametrize(("system", "least"), [(SOLARIS, 60_000), (SOLARIS_11_4, 10_000)])
def test_interval_below_minimum(system: str, least: int) -> None:
    """Oracle's manuals: not below 60 s up to Solaris 11.3, not below 10 s from 11.4."""
    name = "time_wait_interval_below_minimum"
    detail = found(of_system(system, tcp_time_wait_interval=least - 1))[name]
    said = f"tcp_time_wait_interval = {least - 1}; the vendor's minimum is {least}"
    assert detail == said
    assert found(of_system(system, tcp_time_wait_interval=least)) == {}


@pytest.mark.parametrize(
    ("system", "own"),
    [
        (WINDOWS, {"timed_wait_delay_out_of_bounds", "max_user_port_leftover"}),
        (SOLARIS, {"time_wait_interval_below_minimum"}),
        (SOLARIS_11_4, {"time_wait_interval_below_minimum"}),
        (BSD, set()),
        (MACOS, set()),
        ("netbsd10", set()),
    ],
)
def test_other_systems(system: str, own: set[str]) -> None:
    """Of Linux's findings only those that apply anywhere are shown elsewhere."""
    states, error = evaluate(
        of_system(system, TcpTimedWaitDelay=120, tcp_time_wait_interval=60_000)
    )
    assert error is None
    assert {state.finding.name for state in states} == EVERYWHERE | own


def test_linux() -> None:
    """On Linux no finding of another system is shown."""
    names = {finding.name for finding in FINDINGS if finding.concerns(LINUX)}
    assert names == {finding.name for finding in FINDINGS} - {
        "timed_wait_delay_out_of_bounds",
        "max_user_port_leftover",
        "time_wait_interval_below_minimum",
    }


def test_linux_without_queues() -> None:
    """If listeners come without their queues, the finding about them is absent, not clear."""
    untold = Outcome(0.0, bound_tally([listener(443)._replace(queue_limit=None)]))
    told = {state.finding.name for state in evaluate(replace(ORDINARY, bound=untold))[0]}
    assert "somaxconn_below_backlog" not in told
    assert "tw_recycle_enabled" in told
