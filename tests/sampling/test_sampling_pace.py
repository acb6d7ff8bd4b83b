"""How long the loop waits between samples, and what it says about it."""

import threading
from collections.abc import Callable, Iterator
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.sampling.loop import Clocks, Pace
from tcp_pressure_exporter.settings.config import Config
from tests.support.fakes.fake_clock import FakeClock
from tests.support.fakes.observed_loop import GOOD, ObservedLoop, one_after_the_other


def costing(*costs: float, clock: Callable[[], float] | None = None) -> Clocks:
    """Return clocks by which each sample costs these CPU seconds, the last repeated forever."""

    def readings() -> Iterator[float]:
        total = 0.0
        for cost in chain(costs, repeat(costs[-1])):
            yield total
            total += cost
            yield total

    readings_left = readings()
    return Clocks(monotonic=clock or FakeClock(), cpu=lambda: next(readings_left))


def paid(*costs: tuple[float, float]) -> Clocks:
    """Return clocks by which each sample costs so much itself, and so much that allowances pay."""
    clocks = costing(*(own + paid for own, paid in costs), 0.0)
    allowances = costing(*(paid for _own, paid in costs), 0.0).cpu
    return clocks._replace(paid=allowances)


@pytest.mark.parametrize(
    ("cpu_seconds", "interval"),
    [(0.0, 5.0), (0.25, 5.0), (0.5, 10.0), (3.0, 60.0)],
)
def test_pace(cpu_seconds: float, interval: float) -> None:
    """The interval is the configured one, or longer if the sample costs more than its share."""
    pace = Pace(interval=5.0, max_cpu=0.05)
    assert pace.stretched(cpu_seconds, cpu_seconds) == pytest.approx(interval)


@pytest.mark.parametrize(
    ("cpu_seconds", "seconds", "interval"),
    [(0.01, 4.0, 5.0), (0.01, 7.0, 7.0), (0.5, 7.0, 10.0), (0.01, 3600.0, 15.0)],
)
def test_slow_sample(cpu_seconds: float, seconds: float, interval: float) -> None:
    """If a sample takes longer than its interval, its duration is the interval, up to 15 s.

    So a slow host shows fresh numbers, and a process that was stopped shows no old ones.
    """
    pace = Pace(interval=5.0, max_cpu=0.05)
    assert pace.stretched(cpu_seconds, seconds) == pytest.approx(interval)


def test_interval_stretches() -> None:
    """If a sample takes 1 s and may use 5 % of a CPU, the next begins after 20 s."""
    loop = ObservedLoop(lambda _config: GOOD, Pace(interval=5.0, max_cpu=0.05), costing(1.0))
    sample = loop.loop.sample()
    assert sample.cpu_seconds == pytest.approx(1.0)
    assert sample.interval == pytest.approx(20.0)
    assert sample.configured_interval == 5.0


PACE = Pace(interval=5.0, max_cpu=0.05)  # 0.25 s of CPU for each sample


def test_what_allowances_pay_for() -> None:
    """A sample whose check costs twice its share does not delay the next; its cost is all told."""
    loop = ObservedLoop(lambda _config: GOOD, PACE, paid((0.1, 0.5), (0.1, 0.0))).loop
    samples = [loop.sample() for _ in range(2)]
    assert [sample.cpu_seconds for sample in samples] == pytest.approx([0.6, 0.1])
    assert [sample.interval for sample in samples] == [5.0, 5.0]


def test_without_room_for_what_allowances_pay_for() -> None:
    """If samples use up their share, each makes up for a twentieth of what allowances paid for."""
    loop = ObservedLoop(lambda _config: GOOD, PACE, paid((0.5, 0.4), (0.5, 0.0), (0.5, 0.0))).loop
    # (0.5 s + 0.4 s ÷ 20) ÷ 5 %; 0.38 s are left, then 0.361 s.
    assert [loop.sample().interval for _ in range(3)] == pytest.approx([10.4, 10.38, 10.361])


SECONDS = st.floats(0.0, 2.0)


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=20), SECONDS)
def test_share_in_the_long_run(costs: list[tuple[float, float]], usual: float) -> None:
    """Whatever samples and allowances cost, all of it stays within the share in the end."""
    costs = [*costs, *[(usual, 0.0)] * 300]
    loop = ObservedLoop(lambda _config: GOOD, PACE, paid(*costs)).loop
    samples = [loop.sample() for _ in costs]
    spent = sum(sample.cpu_seconds for sample in samples)
    assert spent == pytest.approx(sum(own + more for own, more in costs))
    assert spent <= PACE.max_cpu * sum(sample.interval for sample in samples) + 0.001


def test_stretching_is_logged_once_per_change() -> None:
    """A stretched interval is one line when it begins, changes by half, or ends."""
    clock = FakeClock(1000.0)
    clocks = costing(0.001, 1.0, 1.4, 1.0, 2.0, 0.001, 0.001, clock=clock)
    loop = ObservedLoop(lambda _config: GOOD, Pace(interval=5.0, max_cpu=0.05), clocks)
    for _ in range(7):
        clock.advance(60)
        loop.loop.sample()
    assert [(line["event"], line["interval"]) for line in loop.lines] == [
        ("sampling interval stretched", 20.0),
        ("sampling interval stretched", 40.0),
        ("sampling interval as configured", 5.0),
    ]
    assert loop.lines[0]["configured"] == 5.0
    assert loop.lines[0]["sample_cpu_seconds"] == pytest.approx(1.0)


def test_stretching_is_logged_once_a_minute() -> None:
    """If the cost fluctuates, a line is followed by a minute of silence."""
    clock = FakeClock(1000.0)
    clocks = costing(1.0, 0.001, 1.0, 0.001, 0.001, 0.001, 0.001, clock=clock)
    loop = ObservedLoop(lambda _config: GOOD, Pace(interval=5.0, max_cpu=0.05), clocks)
    for _ in range(7):
        loop.loop.sample()
        clock.advance(20)
    assert [(line["event"], line["interval"]) for line in loop.lines] == [
        ("sampling interval stretched", 20.0),
        ("sampling interval as configured", 5.0),
    ]


class Pauses(threading.Event):
    """A stop event that does not wait, keeps how long it should have, and is set after a few."""

    def __init__(self, enough: int) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._enough = enough

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.seconds.append(timeout)
        if len(self.seconds) == self._enough:
            self.set()
        return self.is_set()


def test_pauses() -> None:
    """Samples begin one interval apart; one that took longer than that is followed at once."""
    clock = FakeClock()
    durations = iter([0.0, 2.0, 5.0, 7.0])

    def take(_config: Config) -> NamespaceSample:
        clock.advance(next(durations))
        return GOOD

    pauses = Pauses(4)
    clocks = costing(0.0, clock=clock)
    ObservedLoop(take, Pace(interval=5.0, max_cpu=1.0), clocks).loop.run(pauses)
    assert pauses.seconds == [5.0, 3.0, 0.0, 0.0]


def test_pause_of_a_stretched_interval() -> None:
    """The pause after an expensive sample is as long as the stretched interval."""
    pauses = Pauses(2)
    pace, clocks = Pace(interval=5.0, max_cpu=0.05), costing(1.0, 0.001)
    ObservedLoop(lambda _config: GOOD, pace, clocks).loop.run(pauses)
    assert pauses.seconds == pytest.approx([20.0, 5.0])


def test_pause_after_an_exception() -> None:
    """After a bug too, the loop waits for the interval: it does not spin."""
    pauses = Pauses(2)
    take = one_after_the_other([ZeroDivisionError(), ZeroDivisionError()])
    ObservedLoop(take, Pace(interval=5.0, max_cpu=1.0), costing(0.0)).loop.run(pauses)
    assert pauses.seconds == [5.0, 5.0]
