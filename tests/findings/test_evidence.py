from collections.abc import Callable
from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import PortRange, port_set
from tcp_pressure_exporter.findings.evidence import NotAskedError
from tcp_pressure_exporter.pools.near_limit.closer_look import CanaryReport
from tests.support.fakes.evidence import (
    ORDINARY,
    failed,
    hidden,
    known,
    listener,
    outbound,
    pool,
    with_sysctls,
)
from tests.support.fakes.tallies import bound_tally


def test_sysctl() -> None:
    """A setting is its number, or None if the kernel does not have it."""
    evidence = with_sysctls(tcp_tw_reuse=0, tcp_tw_recycle=None)
    assert (evidence.sysctl("tcp_tw_reuse"), evidence.sysctl("tcp_tw_recycle")) == (0, None)


def test_outbound() -> None:
    """The outbound pools are those among the pools."""
    here = pool(500)
    assert replace(ORDINARY, pools=outbound(here)).outbound().listed == (here,)


@pytest.mark.parametrize(("told", "ports"), [(7.5, 7.5), (0.0, 0.0), (None, 0.0)])
def test_hidden_ports(told: float | None, ports: float) -> None:
    """If no pool is full enough to ask about hidden ports, none matter."""
    assert replace(ORDINARY, canary=hidden(told)).hidden_ports() == ports


def test_hidden_ports_not_told() -> None:
    """If a kernel does not show which ports are hidden, nothing is said about them."""
    report = CanaryReport((), None, "IP_LOCAL_PORT_RANGE (Linux 6.3): ENOPROTOOPT")
    with pytest.raises(NotAskedError):
        replace(ORDINARY, canary=known(report)).hidden_ports()


def test_failed_source() -> None:
    """Asking for what a failed source would have shown gives that source's error."""
    evidence = replace(
        ORDINARY,
        sysctls=failed("sysctls"),
        pools=failed("pools"),
        canary=failed("canary"),
        bound=failed("bound"),
    )
    asked: tuple[Callable[[], object], ...] = (
        lambda: evidence.sysctl("tcp_tw_reuse"),
        evidence.outbound,
        evidence.hidden_ports,
        evidence.listeners_in_range,
    )
    for ask, reason in zip(asked, ("sysctls", "pools", "canary", "bound"), strict=True):
        with pytest.raises(SourceError, match=reason):
            ask()


def test_collector_that_is_off() -> None:
    """Asking for what a disabled collector would have shown is no failure."""
    evidence = replace(ORDINARY, pools=None, canary=None)
    for ask in (evidence.outbound, evidence.hidden_ports):
        with pytest.raises(NotAskedError):
            ask()


def test_listeners_in_range() -> None:
    """Listeners on usable ports count; reserved ports, bound-only sockets and others do not."""
    bound_only = listener(40003)._replace(listening=False)
    sockets = [listener(port) for port in (39999, 40000, 40001, 40009, 40010)]
    evidence = replace(
        ORDINARY,
        settings=known(PortRange(40000, 40009, port_set([40001]))),
        bound=known(bound_tally([*sockets, bound_only])),
    )
    assert [socket.port for socket in evidence.listeners_in_range()] == [40000, 40009]
