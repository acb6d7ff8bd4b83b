"""Puts the results into the README, between two marks."""

from benchmarks.budgets import check_budgets
from benchmarks.marks import with_part
from benchmarks.results import Results
from benchmarks.tables import (
    budget_table,
    case_section,
    daemon_table,
    idle_sentence,
    machine_sentence,
)

BEGIN = "<!-- results: written by the suite, do not edit -->"


def results_section(results: Results) -> str:
    """Return the results in Markdown."""
    parts = [
        machine_sentence(results.machine),
        "![Ratio to the floor by number of sockets](ratio.svg)",
        "### Budgets",
        budget_table(check_budgets(results)),
        *map(case_section, results.cases),
        "### The daemon, sampling back to back while it is scraped",
        daemon_table(results.cases),
        "### The daemon on an idle host",
        idle_sentence(results.idle),
    ]
    return "\n\n".join(parts)


def with_results(readme: str, results: Results) -> str:
    """Return the README with its results replaced; raises BenchmarkError without the marks."""
    return with_part(readme, BEGIN, results_section(results), "the README")
