"""The results as Markdown tables, for the terminal and for the README."""

from collections.abc import Sequence

from benchmarks.budgets import Budget
from benchmarks.contenders import compared
from benchmarks.results import Case, DaemonRow, Idle, Machine, Row

ROW_TITLES = ("contender", "ratio to the floor", "lowest-highest", "wall ms", "CPU ms", "rounds")
BUDGET_TITLES = ("budget", "limit", "measured", "kept")
DAEMON_TITLES = (
    "sockets",
    "parser",
    "start to ready s",
    "peak RSS MB",
    "scrape p50 ms",
    "p99 ms",
    "longest ms",
    "series",
    "samples meanwhile",
)


def case_section(case: Case) -> str:
    """Return one case: its name and its contenders."""
    rows = sorted(case.rows, key=lambda row: (not compared(row.contender), row.ratio))
    return f"### {case.name}\n\n{table(ROW_TITLES, [_cells(row) for row in rows])}"


def daemon_table(cases: Sequence[Case]) -> str:
    """Return the daemons of all cases."""
    rows = [(case.name, *_daemon_cells(row)) for case in cases for row in case.daemon]
    return table(DAEMON_TITLES, rows)


def budget_table(budgets: Sequence[Budget]) -> str:
    """Return what was allowed, what was measured, and whether that is within the budget."""
    rows = [(b.subject, b.limit, b.measured, "yes" if b.kept else "**no**") for b in budgets]
    return table(BUDGET_TITLES, rows)


def idle_sentence(idle: Idle) -> str:
    """Return what it costs an idle host."""
    return (
        f"On an idle host, one sample every 5 s, for {idle.seconds:.0f} s: "
        f"**{idle.core_percent:.2f} % of one core**, {idle.peak_rss_mb:.0f} MB peak RSS; "
        f"ready {idle.start_seconds:.2f} s after the start; "
        f"each scrape costs {idle.scrape_cpu_ms:.1f} ms of CPU on top."
    )


def machine_sentence(machine: Machine) -> str:
    """Return where the figures come from."""
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    return (
        f"Measured on {machine.date}: {machine.cpu}, {machine.cores} cores, "
        f"Linux {machine.kernel}, {machine.hash_buckets:,} hash buckets; {versions}."
    )


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; its columns line up in plain text, too, numbers on the right."""
    widths = [max(len(cell) for cell in column) for column in zip(titles, *rows, strict=True)]
    left = [_is_text(column) for column in zip(*rows, strict=True)]
    rules = [_rule(width, is_left=is_left) for width, is_left in zip(widths, left, strict=True)]
    body = [_line(row, widths, left) for row in rows]
    return "\n".join((_line(titles, widths, left), f"|{'|'.join(rules)}|", *body))


def _line(cells: Sequence[str], widths: Sequence[int], left: Sequence[bool]) -> str:
    padded = [
        cell.ljust(width) if is_left else cell.rjust(width)
        for cell, width, is_left in zip(cells, widths, left, strict=True)
    ]
    return f"| {' | '.join(padded)} |"


def _is_text(column: Sequence[str]) -> bool:
    """Numbers, and only they, begin with a digit and contain no word."""
    return not all(cell[:1].isdigit() and "sockets" not in cell for cell in column)


def _rule(width: int, *, is_left: bool) -> str:
    return "-" * (width + 2) if is_left else "-" * (width + 1) + ":"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.contender,
        f"{row.ratio:.2f}",
        f"{row.ratio_low:.2f}-{row.ratio_high:.2f}",
        f"{row.wall_ms:,.1f}",
        f"{row.cpu_ms:,.1f}",
        str(row.rounds),
    )


def _daemon_cells(row: DaemonRow) -> tuple[str, ...]:
    return (
        row.parser,
        f"{row.start_seconds:.2f}",
        f"{row.peak_rss_mb:.0f}",
        f"{row.scrape_p50_ms:.1f}",
        f"{row.scrape_p99_ms:.1f}",
        f"{row.scrape_max_ms:.1f}",
        str(row.series),
        str(row.samples),
    )
