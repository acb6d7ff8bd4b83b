"""Verdicts on hand-made readings, and their sum."""

import math

import pytest

from benchmarks.forecast.scoring import Reading, Rule, judge, score

# A pool that was full at 100 s. Warnings below 30 s come at 20 (too early: 80 s before), at 60 and
# from 80 on.
READINGS = [
    Reading(0, math.inf),
    Reading(20, 25),
    Reading(40, math.inf),
    Reading(60, 28),
    Reading(70, 40),
    Reading(80, 15),
    Reading(90, 9),
]


def test_first_true_warning() -> None:
    """The lead counts from the first warning within twice the threshold; earlier is false."""
    verdict = judge(READINGS, 100, Rule(30))
    assert (verdict.lead, verdict.error, verdict.false) == (40, 12, 1)


def test_consecutive() -> None:
    """Two in a row first come at 90 s."""
    verdict = judge(READINGS, 100, Rule(30, 2))
    assert (verdict.lead, verdict.error, verdict.false) == (10, 1, 0)


def test_missed() -> None:
    """Three in a row never come."""
    verdict = judge(READINGS, 100, Rule(30, 3))
    assert (verdict.lead, verdict.error, verdict.false) == (None, None, 0)


def test_late_error() -> None:
    """30 s before the end the forecast was 10 s too long, whatever the rule."""
    assert judge(READINGS, 100, Rule(60, 3)).late_error == 10


def test_never_full() -> None:
    """If the pool never fills, each warning is false."""
    verdict = judge(READINGS, None, Rule(30))
    assert (verdict.fills, verdict.lead, verdict.late_error, verdict.false) == (
        False,
        None,
        None,
        4,
    )


def test_short_life() -> None:
    """A pool that was full after 20 s has no forecast from 30 s before that."""
    assert judge(READINGS[:1], 20, Rule(30)).late_error is None


def test_score() -> None:
    """Medians count a missed pool as no lead, and leave out forecasts without an end in sight."""
    verdicts = [
        judge(READINGS, 100, Rule(30)),
        judge([Reading(0, math.inf), Reading(48, 1)], 50, Rule(30)),
        judge([Reading(0, math.inf)], 50, Rule(30)),
        judge(READINGS, None, Rule(30)),
    ]
    result = score(verdicts)
    assert (result.filled, result.missed, result.short, result.lead) == (3, 1, 2, 2)
    assert result.error == pytest.approx(6.5)
    assert (result.blind, result.judged, result.late_error) == (2, 3, 10)
    assert (result.false, result.false_pools) == (5, 2)
