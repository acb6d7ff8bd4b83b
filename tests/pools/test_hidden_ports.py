from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.ports import port_set
from tcp_pressure_exporter.facts.questions import NOWHERE
from tcp_pressure_exporter.facts.tally import AddressPorts
from tcp_pressure_exporter.pools.near_limit import HiddenPorts, candidates
from tests.sources.counting.counting import rules
from tests.support.fakes.tallies import EMPTY


def test_candidates() -> None:
    """Candidates are usable ports that a socket holds and that are not known to be bound.

    A port that someone uses towards the very destination of the question is none either.
    """
    held = port_set([40000, 40001, 40002, 40003, 443])
    tally = replace(
        EMPTY, held=held, by_address={NOWHERE.local_address: AddressPorts(port_set([40003]), 0)}
    )
    by = rules(usable=range(40000, 40010), bound=[40001, 40009])
    assert candidates(tally, by) == port_set([40000, 40002])


def test_estimate() -> None:
    """The share of hidden ports among all that were asked, of the newest candidates."""
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


def test_no_answer() -> None:
    """Without an answer there is no estimate, unless there is nothing to ask about."""
    assert HiddenPorts().after(100, 0, 0).estimate is None
    assert HiddenPorts().after(0, 0, 0).estimate == 0
