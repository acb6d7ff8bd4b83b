"""The schedule of an application."""

from itertools import islice, takewhile

import pytest

from benchmarks.forecast.load import Phase, Scenario, Stream, arrivals, connections_due, steady
from benchmarks.forecast.scenarios import harmless, scenarios

RAMP_THEN_REST = Stream((Phase(10, 0, 20), steady(5, 2)))


@pytest.mark.parametrize(("time", "due"), [(0, 0), (5, 25), (10, 100), (12, 104), (99, 110)])
def test_connections_due(time: float, due: float) -> None:
    """A ramp to 20/s in 10 s makes 100 connections, then 2/s makes 10 more, then none come."""
    assert connections_due(RAMP_THEN_REST, time) == pytest.approx(due)


def test_even_arrivals() -> None:
    """Evenly spaced connections come whenever another one is due."""
    assert list(islice(arrivals(even=True, seed=""), 3)) == [1, 2, 3]


def test_random_arrivals() -> None:
    """10,000 come when due, within four standard errors, and the same ones for the same seed."""
    came = list(takewhile(lambda due: due < 10_000, arrivals(even=False, seed="a")))
    assert abs(len(came) - 10_000) < 400
    assert came == sorted(came)
    assert came[:9] == list(islice(arrivals(even=False, seed="a"), 9))


def test_scenario_lasts_as_long_as_its_longest_stream() -> None:
    """A scenario ends with its last stream."""
    assert Scenario("x", (RAMP_THEN_REST, Stream((steady(7, 1),)))).seconds == 15


def test_scenarios() -> None:
    """Each load has its own name, lasts 240 s at most and starts at a bearable rate."""
    loads = [*scenarios(), *harmless()]
    assert len({load.name for load in loads}) == len(loads) >= 18
    assert max(load.seconds for load in loads) <= 240
    for load in loads:
        assert max(phase.last for stream in load.streams for phase in stream.phases) <= 400
