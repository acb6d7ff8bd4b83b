"""Who leaks, how fast, and when no descriptor is left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.sockets import OpenFiles, Owner
from tcp_pressure_exporter.sample.leaks import MAX_LEAKS, Leak, StuckSocket, growth, leaks

WORKER, API = Owner("", "leaky-worker"), Owner("api.service", "api")


def every(seconds: float, count: int) -> list[float]:
    """Return the ages of sockets that came one by one."""
    return [seconds * number for number in range(count)]


@pytest.mark.parametrize(
    ("ages", "a_minute"),
    [
        (every(3.0, 201), 20.0),  # 600 s at one each 3 s
        (every(0.5, 121), 120.0),  # 60 s at two a second
        (every(3.0, 1201), 20.0),  # an hour: the last ten minutes count
        ([*every(3.0, 201), *[5000.0] * 400], 20.0),  # a burst long ago is not growth
        ([100.0] * 400, 0.0),  # nor one that is over
        (every(3.0, 9), 0.0),  # few
        (every(0.2, 100), 0.0),  # 20 s: they may be about to be closed
        ([], 0.0),
    ],
)
def test_growth(ages: list[float], a_minute: float) -> None:
    """Sockets that come one by one show how fast their number grows."""
    assert growth(ages) * 60 == pytest.approx(a_minute, abs=0.2)


def test_growth_that_slows_down() -> None:
    """If clearly fewer came lately, the later half counts: one every 10 s, not one a second."""
    ages = [*every(10.0, 31), *(300.0 + age for age in every(1.0, 301))]
    assert growth(ages) == pytest.approx(0.1, abs=0.01)


@given(st.lists(st.floats(0, 10_000)))
def test_any_ages(ages: list[float]) -> None:
    """It is never more than all of them over the shortest time, and never less than nothing."""
    assert 0 <= growth(ages) <= len(ages) / 15


def test_by_process() -> None:
    """Each process leaks by itself, the fastest first: its own limit ends it."""
    sockets = [
        *(StuckSocket(1, WORKER, age) for age in every(3.0, 201)),
        *(StuckSocket(2, WORKER, age) for age in every(1.0, 201)),
        *(StuckSocket(3, API, age) for age in every(50.0, 5)),
    ]
    found = leaks(sockets)
    assert [(pid, leak.owner, leak.sockets) for pid, leak in found] == [
        (2, WORKER, 201),
        (1, WORKER, 201),
    ]


def test_most() -> None:
    """Only a few are reported, however many there are."""
    sockets = [StuckSocket(pid, WORKER, age) for pid in range(9) for age in every(1.0, 60)]
    assert len(leaks(sockets)) == MAX_LEAKS


@pytest.mark.parametrize(
    ("files", "left"),
    [
        (OpenFiles(603, 1024), 421 * 3.0),  # 421 free ones, one each 3 s
        (OpenFiles(1024, 1024), 0.0),
        (OpenFiles(2000, 1024), 0.0),  # the limit was lowered
        (None, None),
    ],
)
def test_countdown(files: OpenFiles | None, left: float | None) -> None:
    """The time left is the free descriptors divided by the growth."""
    found = Leak(WORKER, 600, 1 / 3, files).seconds_left
    assert found == (None if left is None else pytest.approx(left))
