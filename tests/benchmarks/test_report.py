"""Tables, budgets and the README of the benchmark suite."""

from pathlib import Path

import pytest

from benchmarks.budgets import check_budgets
from benchmarks.failure import BenchmarkError
from benchmarks.marks import END
from benchmarks.report import BEGIN, with_results
from benchmarks.results import load, save
from benchmarks.tables import case_section, machine_sentence, table
from tests.benchmarks.sample_results import case, results


def test_table() -> None:
    """Columns line up: text to the left, numbers to the right."""
    assert table(("who", "ms"), [("a", "1.0"), ("longer", "10.0")]).splitlines() == [
        "| who    |   ms |",
        "|--------|-----:|",
        "| a      |  1.0 |",
        "| longer | 10.0 |",
    ]


def test_case_is_sorted() -> None:
    """The fastest comes first, and the empty namespaces after all others."""
    lines = case_section(case(100_000, 1.25)).splitlines()[4:]
    assert [line.split("|")[1].strip() for line in lines] == [
        "floor: dump and discard, in C",
        "exporter, compiled parser",
        "node_exporter, tcpstat only",
        "exporter, in an empty namespace beside it",
    ]


def test_machine_sentence() -> None:
    """The reader learns when, on what and with which versions."""
    assert machine_sentence(results().machine) == (
        "Measured on 2024-05-06: A <fast> CPU, 2 cores, Linux 6.1.0, 262,144 hash buckets; "
        "exporter 1.2."
    )


@pytest.mark.parametrize(("ours", "kept"), [(1.25, (True, True)), (1.6, (False, False))])
def test_speed_budgets(ours: float, kept: tuple[bool, bool]) -> None:
    """1.25 times the floor meets both budgets, 1.6 times neither: 3 / 1.6 is less than 2."""
    ratio, lead, *_others = check_budgets(results(case(100_000, ours)))
    assert (ratio.kept, lead.kept) == kept


def test_light_pools_may_cost_more() -> None:
    """1.5 times the floor is within the budget if 70,000 pools share 100,000 sockets."""
    ratio, *_others = check_budgets(results(case(100_000, 1.5, light=True)))
    assert ratio.kept


def test_daemon_budgets() -> None:
    """44 MB, 24 ms, 0.15 % and 0.3 s are within their limits of 45, 25, 0.2 and 0.5."""
    budgets = check_budgets(results(case(1_000_000, 1.25)))[2:]
    assert [(budget.measured, budget.kept) for budget in budgets] == [
        ("44 MB", True),
        ("24 ms", True),
        ("0.15 %", True),
        ("0.3 s", True),
    ]


def test_readme_changes_between_the_marks_only() -> None:
    """Text around the marks stays; text between them is replaced."""
    readme = with_results(f"before\n{BEGIN}\nold\n{END}\nafter\n", results(case(100_000, 1.25)))
    assert readme.startswith(f"before\n{BEGIN}\n\nMeasured on 2024-05-06")
    assert readme.endswith(f"{END}\nafter\n")
    assert "old" not in readme


def test_readme_without_marks() -> None:
    """A README that lost its marks is an error, not overwritten."""
    with pytest.raises(BenchmarkError, match="README"):
        with_results("nothing\n", results(case(100_000, 1.25)))


def test_results_survive_their_file(tmp_path: Path) -> None:
    """Saved results load as they were."""
    before = results(case(10_000, 1.25), case(100_000, 1.5, light=True))
    save(before, tmp_path / "results.json")
    assert load(tmp_path / "results.json") == before
