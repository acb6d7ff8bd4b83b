"""What the exporter may cost, and whether it stayed within that."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.contenders import BY_BPF
from benchmarks.results import Case, Results, Row

LARGE = 1_000_000
CHECKED = (100_000, LARGE)
MAX_RATIO = 1.3
MAX_RATIO_LIGHT = 1.8
MAX_RATIO_BY_BPF = {100_000: 0.45, LARGE: 0.3}
MIN_LEAD = 2.0
MIN_LEAD_BY_BPF = 10.0  # at LARGE
MAX_RSS_MB = 45.0
MAX_IDLE_PERCENT = 0.2
MAX_SCRAPE_MS = 25.0
MAX_START_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Budget:
    """One limit and what was measured."""

    subject: str
    limit: str
    measured: str
    kept: bool


def check_budgets(results: Results) -> list[Budget]:
    """Return the budgets that the run could check, for the parser the daemon uses by default."""
    cases = [case for case in results.cases if case.sockets in CHECKED]
    return [
        *(budget for case in cases for budget in _speed(case)),
        *(budget for case in cases if case.sockets == LARGE for budget in _daemon(case)),
        _at_most("idle host, share of a core", results.idle.core_percent, MAX_IDLE_PERCENT, "%"),
        _at_most("start to first sample", results.idle.start_seconds, MAX_START_SECONDS, "s"),
    ]


def _speed(case: Case) -> Iterator[Budget]:
    ours = _row(case.rows, f"exporter, {case.daemon[0].parser} parser")
    limit = MAX_RATIO_LIGHT if case.light else MAX_RATIO
    yield _at_most(f"sample, {case.name}", ours.ratio, limit, "× the floor")
    yield _lead(case, ours, MIN_LEAD)
    by_bpf = [row for row in case.rows if row.contender == BY_BPF]
    for row in by_bpf if not case.light else []:  # older results have none
        limit = MAX_RATIO_BY_BPF[case.sockets]
        yield _at_most(f"sample by BPF, {case.name}", row.ratio, limit, "× the floor")
        if case.sockets == LARGE:
            yield _lead(case, row, MIN_LEAD_BY_BPF)


def _lead(case: Case, ours: Row, least: float) -> Budget:
    lead = _row(case.rows, "node_exporter").wall_ms / ours.wall_ms
    return Budget(
        "the same, beside node_exporter's states alone",
        f"≥ {least:g} × as fast",
        f"{lead:.2f} ×",
        lead >= least,
    )


def _daemon(case: Case) -> Iterator[Budget]:
    default = case.daemon[0]
    yield _at_most(f"peak RSS, {case.name}", default.peak_rss_mb, MAX_RSS_MB, "MB")
    subject = f"scrape p99 while it samples {case.sockets:,} sockets"
    yield _at_most(subject, default.scrape_p99_ms, MAX_SCRAPE_MS, "ms")


def _row(rows: Sequence[Row], start: str) -> Row:
    return next(row for row in rows if row.contender.startswith(start))


def _at_most(subject: str, value: float, limit: float, unit: str) -> Budget:
    return Budget(subject, f"≤ {limit:g} {unit}", f"{value:.3g} {unit}", value <= limit)
