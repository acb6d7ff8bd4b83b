"""How often the report looks."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta

from tcp_pressure_exporter.daemon.report.observer import (
    Observer,
    look_again_and_again,
    look_closely,
)
from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.sample.namespaces import Elsewhere
from tcp_pressure_exporter.sample.sample import Taken
from tcp_pressure_exporter.verdict.headline import headline
from tests.support.fakes.fake_clock import FakeClock
from tests.support.fakes.samples import namespace_sample


def sign() -> AbstractContextManager[None]:
    return nullcontext()


def host(*used: int) -> Callable[[], Taken]:
    """Return, one by one, samples of a host with these numbers of 100 TIME_WAIT buckets used."""
    samples = iter(
        namespace_sample("host", limits=Outcome(0.0, (Resource("time_wait_buckets", n, 100),)))
        for n in used
    )
    return lambda: Taken((next(samples),))


def test_calm_host() -> None:
    """If all is calm, one look is enough."""
    pauses: list[float] = []
    seen = look_closely(Observer(host(10)), sign, pauses.append)
    assert (seen.assessment.severity, pauses) == (Severity.CALM, [])


def test_host_in_trouble() -> None:
    """If not, it looks for two seconds, and the last look counts."""
    clock, looks = FakeClock(0.0), [91, *range(92, 100)]
    seen = look_closely(Observer(host(*looks)), sign, clock.advance, clock)
    assert [pressure.used for pressure in seen.assessment.pressures] == [99]
    assert clock.now == 2.0


def test_looks_that_take_long() -> None:
    """If one look takes longer than the two seconds, there is another look."""
    clock, samples = FakeClock(0.0), host(91, 92)

    def take() -> Taken:
        clock.advance(3.0)
        return samples()

    seen = look_closely(Observer(take), sign, clock.advance, clock)
    assert [pressure.used for pressure in seen.assessment.pressures] == [92]


def counters(*counts: int) -> Callable[[], dict[str, int]]:
    """Return what the kernel has counted, reading by reading."""
    readings = iter(counts)
    return lambda: {"ListenOverflows": next(readings)}


def test_counter_that_rises() -> None:
    """If a drop counter rises while it is watched, the second look counts."""
    pauses: list[float] = []
    observer = Observer(host(10, 11), drops=counters(7, 7, 8))
    seen = look_closely(observer, sign, pauses.append)
    assert [pressure.used for pressure in seen.assessment.pressures] == [11]
    assert pauses == [1.0, 1.0]


def test_counter_that_stands_still() -> None:
    """After drops long ago, counters are watched for three seconds, then the first look counts."""
    pauses: list[float] = []
    observer = Observer(host(10), drops=counters(7, 7, 7, 7))
    seen = look_closely(observer, sign, pauses.append)
    assert [pressure.used for pressure in seen.assessment.pressures] == [10]
    assert pauses == [1.0, 1.0, 1.0]


def test_nothing_was_ever_dropped() -> None:
    """There is no wait for counters that are 0."""
    pauses: list[float] = []
    look_closely(Observer(host(10), drops=counters(0)), sign, pauses.append)
    assert pauses == []


def test_circumstances() -> None:
    """A look says when and where it was, and which privileges it lacked."""
    before = datetime.now().astimezone()
    seen = Observer(host(1), (("canary", "needs X"),)).look()
    assert before <= seen.time <= before + timedelta(minutes=1)
    assert seen.host
    assert seen.seconds >= 0
    assert seen.left_out == (("canary", "needs X"),)


def test_again_and_again() -> None:
    """Every look is a new sample."""
    looks = look_again_and_again(Observer(host(1, 2, 3)), sign, 0.0)
    assert [next(looks).assessment.pressures[0].used for _ in range(3)] == [1, 2, 3]


def test_what_was_not_reached() -> None:
    """A look says what it did not reach, and so does its headline."""
    (sample,) = host(1)().namespaces
    left_out = (("other network namespaces", "3 not looked at"),)
    seen = Observer(lambda: Taken((sample,), None, Elsewhere(3))).look()
    assert seen.not_looked_at == left_out
    assert headline(seen.assessment) == (
        "All is calm here: nothing is near its limit. Not looked at: 3 other network namespaces."
    )
