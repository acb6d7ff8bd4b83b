from dataclasses import replace

import pytest

from tcp_pressure_exporter.collectors.local_ports import FAMILIES
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tests.collectors.exposition import golden, of_namespaces
from tests.support.fakes.samples import namespace_sample

PORTS = LocalPorts(
    *(32768, 60999),
    reserved=2,
    usable=28230,
    used=20593,
    listeners=0,
    choosable=28230,
    blocked=15001,
    owners=(OwnerCount(Owner("agent.service", "agent"), 15000), OwnerCount(Owner("a.service"), 1)),
    time_wait_hold=62.048,
    hidden=0,
)


def test_golden() -> None:
    """Each figure is one series; a zero is shown. One owner of the blocked ports is named."""
    sample = namespace_sample("host", local_ports=Outcome(0.1, PORTS))
    assert of_namespaces(FAMILIES, sample) == golden("""
        # TYPE tcp_pressure_local_port_range_low gauge
        tcp_pressure_local_port_range_low{netns="host"} 32768.0
        # TYPE tcp_pressure_local_port_range_high gauge
        tcp_pressure_local_port_range_high{netns="host"} 60999.0
        # TYPE tcp_pressure_local_ports_reserved gauge
        tcp_pressure_local_ports_reserved{netns="host"} 2.0
        # TYPE tcp_pressure_local_ports_usable gauge
        tcp_pressure_local_ports_usable{netns="host"} 28230.0
        # TYPE tcp_pressure_local_ports_used gauge
        tcp_pressure_local_ports_used{netns="host"} 20593.0
        # TYPE tcp_pressure_listeners_in_local_port_range gauge
        tcp_pressure_listeners_in_local_port_range{netns="host"} 0.0
        # TYPE tcp_pressure_local_ports_hidden gauge
        tcp_pressure_local_ports_hidden{netns="host"} 0.0
        # TYPE tcp_pressure_local_ports_blocked_owner_ports gauge
        tcp_pressure_local_ports_blocked_owner_ports{netns="host",\\
            process="agent",service="agent.service"} 15000.0
        # TYPE tcp_pressure_time_wait_hold_seconds gauge
        tcp_pressure_time_wait_hold_seconds{netns="host"} 62.048
    """)


def test_few_blocked() -> None:
    """Nobody is named if less than half of the ports are blocked."""
    sample = namespace_sample("host", local_ports=Outcome(0.1, replace(PORTS, blocked=14114)))
    assert "owner_ports{" not in of_namespaces(FAMILIES, sample)


@pytest.mark.parametrize(
    ("blocked", "choosable", "shown"), [(14115, 28230, "14115.0"), (0, 0, "0.0")]
)
def test_unknown_owner(blocked: int, choosable: int, shown: str) -> None:
    """If no holder is known, all blocked ports appear without a name."""
    ports = replace(PORTS, blocked=blocked, choosable=choosable, owners=())
    sample = namespace_sample("host", local_ports=Outcome(0.1, ports))
    series = f'owner_ports{{netns="host",process="",service=""}} {shown}'
    assert series in of_namespaces(FAMILIES, sample)


def test_hidden_not_known() -> None:
    """If the kernel's table of bound ports is not read, nothing is said about hidden ports."""
    sample = namespace_sample("host", local_ports=Outcome(0.1, replace(PORTS, hidden=None)))
    assert "hidden{" not in of_namespaces(FAMILIES, sample)


@pytest.mark.parametrize("outcome", [None, Outcome(0.1, error=SourceError("range", "absent"))])
def test_absent(outcome: Outcome[LocalPorts] | None) -> None:
    """If the source failed, or the collector is off, no figure is shown, not even zero."""
    sample = namespace_sample("host", local_ports=outcome)
    assert "{" not in of_namespaces(FAMILIES, sample)
