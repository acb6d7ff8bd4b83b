"""Judges warnings by what happened to the pool."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

LATE_CHECK = 30.0  # seconds before the end, when every forecast is compared with the truth
SHORT_LEAD = 5.0  # seconds: less is no use even to a program


class Reading(NamedTuple):
    """What a forecaster said `time` seconds after the start: seconds until the pool is full."""

    time: float
    forecast: float


class Rule(NamedTuple):
    """Warn if this many readings in a row are below the threshold, in seconds."""

    threshold: float
    consecutive: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule applied to one pool's readings. Times are in seconds; None: nothing of the kind.

    lead: from the first true warning until the pool was full.
    error: how far off that warning's forecast was.
    late_error: how far off the last forecast made 30 s before the end or earlier was, +Inf if it
    saw no end.
    false: how many readings warned although the pool did not fill within twice the threshold.
    """

    fills: bool
    lead: float | None
    error: float | None
    late_error: float | None
    false: int


@dataclass(frozen=True, slots=True)
class Score:
    """The verdicts of one rule over all pools.

    lead: median over the pools that filled; a missed one counts as 0. `short` of them had less than
    SHORT_LEAD, including the missed.
    error: median over the pools not missed, None if there are none.
    blind: pools whose end was not in sight 30 s before, of `judged` that lived that long.
    late_error: median over the others, None if there are none.
    false: readings that warned falsely, in `false_pools` pools.
    """

    filled: int
    missed: int
    short: int
    lead: float
    error: float | None
    blind: int
    judged: int
    late_error: float | None
    false: int
    false_pools: int


def judge(readings: Sequence[Reading], full_at: float | None, rule: Rule) -> Verdict:
    """Return the verdict; the readings end before the pool is full."""
    end = math.inf if full_at is None else full_at
    warnings = _warnings(readings, rule)
    true = [warning for warning in warnings if end - warning.time <= 2 * rule.threshold]
    late = [reading for reading in readings if end - reading.time >= LATE_CHECK]
    return Verdict(
        fills=full_at is not None,
        lead=end - true[0].time if true else None,
        error=_error(true[0], end) if true else None,
        late_error=_error(late[-1], end) if late and full_at is not None else None,
        false=len(warnings) - len(true),
    )


def score(verdicts: Sequence[Verdict]) -> Score:
    """Add the verdicts up; at least one pool filled."""
    filled = [verdict for verdict in verdicts if verdict.fills]
    leads = [verdict.lead or 0.0 for verdict in filled]
    late = [verdict.late_error for verdict in filled if verdict.late_error is not None]
    in_sight = [error for error in late if error < math.inf]
    return Score(
        filled=len(filled),
        missed=sum(verdict.lead is None for verdict in filled),
        short=sum(lead < SHORT_LEAD for lead in leads),
        lead=median(leads),
        error=_median([verdict.error for verdict in filled if verdict.error is not None]),
        blind=len(late) - len(in_sight),
        judged=len(late),
        late_error=_median(in_sight),
        false=sum(verdict.false for verdict in verdicts),
        false_pools=sum(verdict.false > 0 for verdict in verdicts),
    )


def _warnings(readings: Sequence[Reading], rule: Rule) -> list[Reading]:
    """Return the readings at which the rule is met."""
    met, row = [], 0
    for reading in readings:
        row = row + 1 if reading.forecast < rule.threshold else 0
        if row >= rule.consecutive:
            met.append(reading)
    return met


def _error(reading: Reading, end: float) -> float:
    return abs(reading.forecast - (end - reading.time))


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
