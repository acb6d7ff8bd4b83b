import pytest

from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.sample.latest import LatestSample
from tcp_pressure_exporter.sample.sample import Sample
from tests.support.fakes.fake_clock import FakeClock
from tests.support.fakes.samples import namespace_sample

NAMESPACE = namespace_sample("host", limits=Outcome(0.1, (Resource("time_wait_buckets", 2, 9),)))


def sample(started: float, interval: float = 5.0) -> Sample:
    return Sample(
        timestamp=1.8e9,
        started=started,
        cpu_seconds=0.01,
        interval=interval,
        configured_interval=5.0,
        namespaces=(NAMESPACE,),
    )


def test_before_the_first_sample() -> None:
    """Before the first sample there is nothing to show, and the exporter is not ready."""
    latest = LatestSample(FakeClock())
    assert latest.newest() is None
    assert latest.unready() == "no sample yet"


def test_newest() -> None:
    """The newest sample is the last that was published."""
    clock = FakeClock(100.0)
    latest = LatestSample(clock)
    latest.publish(sample(started=90.0))
    newest = sample(started=95.0)
    latest.publish(newest)
    assert latest.newest() is newest
    assert latest.unready() is None


@pytest.mark.parametrize("interval", [5.0, 12.0])
def test_three_intervals(interval: float) -> None:
    """A sample is current up to three of its intervals, stretched ones as they are."""
    clock = FakeClock(100.0)
    latest = LatestSample(clock)
    latest.publish(sample(started=100.0, interval=interval))
    clock.advance(3 * interval)
    assert latest.unready() is None
    newest = latest.newest()
    assert newest is not None
    assert newest.namespaces == (NAMESPACE,)


def test_too_old_to_be_ready() -> None:
    """After more than three intervals the exporter is not ready, and says how old the sample is."""
    clock = FakeClock(100.0)
    latest = LatestSample(clock)
    latest.publish(sample(started=100.0))
    clock.advance(15.1)
    assert latest.unready() == "the newest sample is 15.1 s old, with an interval of 5.0 s"


def test_too_old_to_be_shown() -> None:
    """After more than three intervals no number of the sample is shown as current."""
    clock = FakeClock(100.0)
    latest = LatestSample(clock)
    latest.publish(sample(started=100.0))
    clock.advance(15.1)
    newest = latest.newest()
    assert newest is not None
    assert [outcome.value for _name, outcome in newest.namespaces[0].outcomes()] == [None]
    assert newest.timestamp == 1.8e9


def test_recovery() -> None:
    """A new sample makes the exporter ready again."""
    clock = FakeClock(100.0)
    latest = LatestSample(clock)
    latest.publish(sample(started=100.0))
    clock.advance(60)
    latest.publish(sample(started=160.0))
    assert latest.unready() is None


def test_whole_with_its_age() -> None:
    """The sample stays whole, to show when it was taken, and is marked as too old."""
    clock = FakeClock(100.0)
    latest = LatestSample(clock)
    assert latest.with_age() == (None, False)
    newest = sample(started=100.0)
    latest.publish(newest)
    assert latest.with_age() == (newest, True)
    clock.advance(15.1)
    assert latest.with_age() == (newest, False)
