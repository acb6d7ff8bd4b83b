"""The loads on the real kernel."""

from benchmarks.forecast.load import Scenario, Stream, steady
from benchmarks.forecast.run import run_all


def test_ports_that_are_taken_over() -> None:
    """If the server closes first, its TIME_WAIT is seen, for as many ports as the client has."""
    load = Scenario("again", (Stream((steady(4, 1000),)),), even=True, server_closes=True)
    [trace] = run_all([load], lambda _said: None)
    assert trace.full_at is None
    last = trace.polls[-1]
    assert 0 < last.time_wait <= last.ports <= trace.limit
    assert last.ports - last.time_wait <= 5  # closes under way


def test_run() -> None:
    """A pool that is taken faster than it is freed fills; the other holds what was closed."""
    burst = Scenario("burst", (Stream((steady(4, 2000),)),), even=True)
    calm = Scenario("calm", (Stream((steady(3, 40),)), Stream((steady(3, 10),), 60)), even=True)
    said: list[str] = []
    full, free = run_all([burst, calm], said.append)
    assert full.full_at is not None
    assert full.full_at >= 1.5
    assert max(poll.ports for poll in full.polls) == full.limit == 3000
    assert free.full_at is None
    last = free.polls[-1]
    assert 0 < last.time_wait == sum(last.ages) <= 40 * last.time
    assert 0 < last.live <= 10 * last.time
    assert said[1].startswith("calm: never full, at most")
    assert said[2].startswith("burst: full after ")
