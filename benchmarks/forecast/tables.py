"""The scores as Markdown tables."""

import math
from collections.abc import Iterator, Sequence
from statistics import mean

from benchmarks.forecast.forecasters import CHOSEN, FORECASTERS, WHOLE_10
from benchmarks.forecast.judging import Judged, judged, scraped
from benchmarks.forecast.scoring import Rule, Verdict
from benchmarks.forecast.trace import Trace
from benchmarks.tables import table

INTERVAL = 5  # seconds between polls: the exporter's default
INTERVALS = (1, 2, 5)
SCRAPES = (5, 15)  # seconds between them
CONSECUTIVE = (1, 3)
SOON = Rule(60)  # the alert's threshold
SCORE_TITLES = ("missed", "lead under 5 s", "lead s", "error s", "false alarms s", "in pools")
LATE_TITLES = ("end unseen 30 s before", "else off by s")
POOL_TITLES = ("load", "full after s", "lead s", "30 s before", "false alarm s")
NONE = "-"


def forecaster_table(traces: Sequence[Trace]) -> str:
    """Return all forecasters."""
    all_judged = [judged(forecaster, traces, INTERVAL) for forecaster in FORECASTERS]
    rows = [(one.name, *_score_cells(one, SOON), *_late_cells(one)) for one in all_judged]
    return table(("rates over", *SCORE_TITLES, *LATE_TITLES), rows)


def interval_table(traces: Sequence[Trace]) -> str:
    """Return the chosen formula by interval, and by how many warnings in a row it takes."""
    titles = ("polls", "in a row", *SCORE_TITLES)
    return table(titles, list(_interval_rows(traces)))


def scrape_table(traces: Sequence[Trace]) -> str:
    """Return the chosen formula as a rule sees it: means over the moments of the first scrape."""
    titles = ("polls", "scrapes", "missed", "lead under 5 s", "lead s", "false alarms s")
    return table(titles, list(_scrape_rows(traces)))


def pool_table(traces: Sequence[Trace]) -> str:
    """Return the chosen formula pool by pool."""
    chosen = judged(CHOSEN, traces, INTERVAL)
    rows = [
        (
            trace.name,
            _seconds(trace.full_at),
            _lead(verdict),
            _late(verdict),
            str(verdict.false * INTERVAL),
        )
        for trace, verdict in zip(traces, chosen.verdicts(SOON), strict=True)
    ]
    return table(POOL_TITLES, rows)


def harmless_table(traces: Sequence[Trace]) -> str:
    """Return the false alarms, on loads that fit, of the chosen formula and its predecessor."""
    formulas = [(formula, every) for every in (INTERVAL, 1) for formula in (WHOLE_10, CHOSEN)]
    all_judged = [judged(formula, traces, every) for formula, every in formulas]
    verdicts = zip(*(one.verdicts(SOON) for one in all_judged), strict=True)
    rows = [
        (
            trace.name,
            f"{max(poll.ports for poll in trace.polls):,}",
            *(str(one.false * every) for one, (_, every) in zip(row, formulas, strict=True)),
        )
        for trace, row in zip(traces, verdicts, strict=True)
    ]
    titles = [f"{formula.name}, every {every} s" for formula, every in formulas]
    return table(("load", "most ports of 3,000", *titles), rows)


def _interval_rows(traces: Sequence[Trace]) -> Iterator[Sequence[str]]:
    for interval in INTERVALS:
        one = judged(CHOSEN, traces, interval)
        for consecutive in CONSECUTIVE:
            cells = _score_cells(one, Rule(SOON.threshold, consecutive))
            yield (f"{interval} s", str(consecutive), *cells)


def _scrape_rows(traces: Sequence[Trace]) -> Iterator[Sequence[str]]:
    for interval in INTERVALS:
        polled = judged(CHOSEN, traces, interval)
        for every in SCRAPES:
            begins = [second + 0.5 for second in range(every)]  # at no moment of a poll
            scores = [scraped(polled, every, begin).score(SOON) for begin in begins]
            yield (
                *(f"{interval} s", f"{every} s"),
                f"{mean(one.missed for one in scores):.1f} of {scores[0].filled}",
                f"{mean(one.short for one in scores):.1f}",
                _seconds(mean(one.lead for one in scores)),
                f"{mean(one.false for one in scores) * every:.0f}",
            )


def _score_cells(one: Judged, rule: Rule) -> tuple[str, ...]:
    score = one.score(rule)
    return (
        f"{score.missed} of {score.filled}",
        str(score.short),
        _seconds(score.lead),
        _seconds(score.error),
        str(score.false * one.interval),
        str(score.false_pools),
    )


def _late_cells(one: Judged) -> tuple[str, ...]:
    score = one.score(SOON)  # no warning is involved: every rule gives the same
    return f"{score.blind} of {score.judged}", _seconds(score.late_error)


def _lead(verdict: Verdict) -> str:
    if not verdict.fills:
        return NONE
    return "missed" if verdict.lead is None else _seconds(verdict.lead)


def _late(verdict: Verdict) -> str:
    if verdict.late_error == math.inf:
        return "unseen"
    return NONE if verdict.late_error is None else f"off by {_seconds(verdict.late_error)}"


def _seconds(value: float | None) -> str:
    return NONE if value is None else f"{value:.1f}"
