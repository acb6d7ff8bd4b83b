from tcp_pressure_exporter.web.protection.protection import TokenBucket
from tests.support.fakes.fake_clock import FakeClock


def test_burst_then_one_each_interval() -> None:
    """A full bucket admits the burst, then one request each interval, and never saves up more."""
    clock = FakeClock()
    bucket = TokenBucket(0.5, 3, clock)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock.advance(0.5)
    assert [bucket.take(), bucket.take()] == [True, False]
    clock.advance(100)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_refusals_cost_nothing() -> None:
    """Requests that are refused do not put off the next one that is admitted."""
    clock = FakeClock()
    bucket = TokenBucket(1.0, 1, clock)
    assert bucket.take()
    for _ in range(3):
        clock.advance(0.25)
        assert not bucket.take()
    clock.advance(0.25)
    assert bucket.take()
