from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.ports import port_set
from tcp_pressure_exporter.facts.questions import NOWHERE
from tcp_pressure_exporter.facts.sockets import BoundSocket
from tcp_pressure_exporter.facts.tally import AddressPorts, LocalAddress
from tcp_pressure_exporter.pools.groups import GroupKey, ListedKey
from tcp_pressure_exporter.pools.near_limit.closer_look import (
    CanaryReport,
    HiddenPorts,
    bound_only,
    candidates,
    unused_destinations,
)
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable
from tcp_pressure_exporter.pools.usage import Usage
from tests.sources.counting.counting import key, rules
from tests.support.fakes.tallies import EMPTY, bound_tally


def test_candidates() -> None:
    """Candidates are usable ports that a socket holds and that are not known to be bound.

    A port in use towards the question's own destination is not one either.
    """
    held = port_set([40000, 40001, 40002, 40003, 443])
    tally = replace(
        EMPTY,
        held=held,
        by_address={LocalAddress(NOWHERE.local_address): AddressPorts(port_set([40003]), 0)},
    )
    by = rules(usable=range(40000, 40010), bound=[40001, 40009])
    assert candidates(tally, by) == port_set([40000, 40002])


def test_bound_only() -> None:
    """The only-bound ports are usable ports with a socket that is bound and does not listen."""
    here = BoundSocket(bytes(16), 40001, listening=False, ipv6_only=False)
    sockets = [
        here,
        here,
        here._replace(port=40002, listening=True),
        here._replace(port=40003),
        here._replace(port=443),
    ]
    assert bound_only(bound_tally(sockets), rules(usable=range(40000, 40010))) == 2


def test_unused_destinations() -> None:
    """If there is no route to 127.101.127.101, the ends of a listed pool have one."""
    keys: list[ListedKey] = [
        key("10.0.0.2", "10.0.0.9", 443),
        key("10.0.0.2", "10.0.0.9", 80),
        GroupKey(b"", "lb", b""),
        key("10.0.0.2", "10.0.0.8", 1),
        key("10.0.0.2", "10.0.0.7", 443),
    ]
    listed = tuple(ListedPool(key, "", "", "", Usage(1, 2, 0, 0)) for key in keys)
    assert unused_destinations(PoolTable(5, 0.5, 0.5, listed, 0, 0)) == [
        key("127.101.127.101", "127.101.127.101", 1),
        key("10.0.0.2", "10.0.0.9", 1),
        key("10.0.0.2", "10.0.0.7", 1),
    ]


def test_estimate() -> None:
    """The estimate is the hidden share of all ports asked about, times the newest candidates."""
    hidden = HiddenPorts().after(1000, 64, 16)
    assert hidden.estimate == 250
    assert hidden.after(2000, 64, 0).estimate == 250
    assert hidden.after(0, 0, 0).estimate == 0


def test_window() -> None:
    """What is older than twelve samples is forgotten."""
    hidden = HiddenPorts().after(100, 64, 64)
    for _ in range(11):
        hidden = hidden.after(100, 64, 0)
    assert hidden.estimate == pytest.approx(100 / 12)
    assert hidden.after(100, 64, 0).estimate == 0


@pytest.mark.parametrize(
    ("hidden", "held", "bound"),
    [
        (401, 800, True),
        (400, 800, False),
        (500, 900, False),
        (501, 900, True),
        (None, 800, False),
        (None, 0, False),  # the kernel's table shows hidden ports: nothing was asked
    ],
)
def test_bound_before(hidden: float | None, held: int, *, bound: bool) -> None:
    """Hidden ports that do not fit among the other held ports are in TIME_WAIT.

    Of 800 waiting ports, all those held, 401 are more than half; of 900 held, 100 do not wait.
    """
    report = CanaryReport((), hidden, held_ports=held)
    assert report.bound_before(Usage(900, 1000, 800, 0)) is bound
    assert not report.bound_before(Usage(900, 1000, 0, 0))


def test_no_answer() -> None:
    """Without an answer there is no estimate, unless there is nothing to ask about."""
    assert HiddenPorts().after(100, 0, 0).estimate is None
    assert HiddenPorts().after(0, 0, 0).estimate == 0
