"""The forecasters under test, and how they read a pool."""

import pytest

from benchmarks.forecast.forecasters import CHOSEN, FORECASTERS, LINEAR, TOGETHER_10
from benchmarks.forecast.judging import judged, read
from benchmarks.forecast.scoring import Rule
from tests.benchmarks.forecast.sample_traces import experiment, steady_trace


def test_steady_load() -> None:
    """At 80/s the end of 3,000 ports is known to the second once ten seconds have been seen."""
    trace = steady_trace("x", 80, 3000, 43)
    for forecaster in (CHOSEN, TOGETHER_10):
        for reading in read(forecaster, trace, 1)[10:]:
            assert reading.forecast == pytest.approx(37.5 - reading.time)


def test_no_forecaster_knows_the_future() -> None:
    """Later polls do not change the reading at a poll."""
    long, short = steady_trace("x", 30, 3000, 90), steady_trace("x", 30, 3000, 45)
    for forecaster in FORECASTERS:
        assert read(forecaster, long, 5)[:9] == read(forecaster, short, 5), forecaster.name


def test_own_interval() -> None:
    """predict_linear reads at each scrape, whatever the exporter's interval."""
    linear = judged(LINEAR, experiment().traces, 1)
    assert linear.interval == 15
    assert [reading.time for reading in linear.readings[0]] == [0, 15, 30]


def test_verdicts_by_pool() -> None:
    """The warning about the filling pool comes at 10 s: before, the mean includes idle seconds."""
    fills, fits = judged(CHOSEN, experiment().traces, 1).verdicts(Rule(30))
    assert fills.lead == pytest.approx(27.5)
    assert (fits.lead, fits.false) == (None, 0)
