"""Lets a forecaster read the polls of every pool, as if they were just arriving."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.forecast.forecasters import Forecaster
from benchmarks.forecast.scoring import Reading, Rule, Score, Verdict, judge, score
from benchmarks.forecast.trace import Trace


@dataclass(frozen=True, slots=True)
class Judged:
    """One forecaster on all pools; `interval` is in seconds."""

    name: str
    interval: int
    traces: Sequence[Trace]
    readings: Sequence[Sequence[Reading]]

    def verdicts(self, rule: Rule) -> list[Verdict]:
        """Return one verdict per pool."""
        pairs = zip(self.readings, self.traces, strict=True)
        return [judge(readings, trace.full_at, rule) for readings, trace in pairs]

    def score(self, rule: Rule) -> Score:
        """Return the score over all pools."""
        return score(self.verdicts(rule))


def judged(forecaster: Forecaster, traces: Sequence[Trace], interval: int) -> Judged:
    """Return what the forecaster says about all pools, polled at this interval or its own."""
    own = forecaster.interval or interval
    readings = [read(forecaster, trace, own) for trace in traces]
    return Judged(forecaster.name, own, traces, readings)


def read(forecaster: Forecaster, trace: Trace, interval: int) -> list[Reading]:
    """Return a reading per poll until the pool is full; each knows only the polls up to its own."""
    polls = trace.every(interval)
    return [
        Reading(poll.time, forecaster.forecast(polls[:number], trace.limit))
        for number, poll in enumerate(polls, 1)
    ]


def scraped(polled: Judged, every: int, begin: float) -> Judged:
    """Return what a rule sees of it that reads the newest forecast every so many seconds.

    begin: when it reads for the first time, in seconds after the start.
    """
    pairs = zip(polled.readings, polled.traces, strict=True)
    readings = [list(_scrapes(readings, trace, every, begin)) for readings, trace in pairs]
    return Judged(polled.name, every, polled.traces, readings)


def _scrapes(
    readings: Sequence[Reading], trace: Trace, every: int, begin: float
) -> Iterator[Reading]:
    end = trace.polls[-1].time if trace.full_at is None else trace.full_at
    now, seen = begin, 0
    while now < end:
        while seen < len(readings) and readings[seen].time <= now:
            seen += 1
        if seen:
            yield Reading(now, readings[seen - 1].forecast)
        now += every
