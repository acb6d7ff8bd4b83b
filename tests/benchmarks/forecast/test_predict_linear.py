"""The forecast that Prometheus makes from the ratio alone."""

import math

import pytest

from benchmarks.forecast.predict_linear import (
    line_at,
    seconds_until_full,
    seconds_until_full_after_idleness,
)
from benchmarks.forecast.trace import Poll


def polls(*ports: int) -> list[Poll]:
    """Return a poll every 15 s."""
    return [Poll(15 * number, used, used, ()) for number, used in enumerate(ports)]


def test_worked_example() -> None:
    """Prometheus' own test: ten samples that drop once lead to 70, an hour after the last."""
    values = (10, 20, 30, 40, 0, 10, 20, 30, 40, 50)
    samples = [(300.0 * number, float(value)) for number, value in enumerate(values, 1)]
    rise, value = line_at(samples, 3000)
    assert value + 3600 * rise == pytest.approx(70)


def test_one_sample_predicts_nothing() -> None:
    """A line needs two samples."""
    assert seconds_until_full(polls(100), 1000) == math.inf


def test_straight_rise() -> None:
    """10 ports a second with 700 of 1,000 left take 70 s."""
    assert seconds_until_full(polls(0, 150, 300), 1000) == pytest.approx(70)


def test_no_rise() -> None:
    """A falling or flat line never reaches the limit; one above it already has."""
    assert seconds_until_full(polls(300, 200), 1000) == math.inf
    assert seconds_until_full(polls(300, 300), 1000) == math.inf
    assert seconds_until_full(polls(1000, 1000), 1000) == 0


def test_only_five_minutes_count() -> None:
    """Samples from 300 s ago or earlier do not bend the line."""
    old = [Poll(-400, 900, 900, ()), Poll(-270, 900, 900, ())]
    assert seconds_until_full([*old, *polls(0, 150, 300)], 1000) == pytest.approx(70)


def test_idle_time_before_flattens_the_line() -> None:
    """Scrapes of an idle host before the load make the end seem farther away."""
    rise = polls(0, 150, 300)
    assert seconds_until_full_after_idleness(rise, 1000) > 5 * seconds_until_full(rise, 1000)
