"""The benchmark of NAT pools: few entries, and the section of the README."""

import pytest

from benchmarks import conntrack
from benchmarks.conntrack import BEGIN, measure, results_section
from benchmarks.marks import with_part
from benchmarks.paths import README


def test_small_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every reader reads the entries that were written, and gets a line with its cost per entry."""
    monkeypatch.setattr(conntrack, "ENTRIES", 200)
    monkeypatch.setattr(conntrack, "ROUNDS", 2)
    rows = measure()
    assert [row.contender for row in rows] == [
        "floor: dump and discard",
        "compiled parser",
        "readable parser",
        "text of /proc/net/nf_conntrack",
        "conntrack -L",
        "own: dump and discard",
        "own: counted",
        "own: passed over",
    ]
    assert {row.sockets for row in rows} == {200}
    lines = results_section(rows).splitlines()
    assert lines[0].startswith("Measured on ")
    assert len(lines) == 2 + 2 + len(rows)


def test_readme() -> None:
    """The README has a place for the results, after those of the suite."""
    replaced = with_part(README.read_text(), BEGIN, "new results", "the README")
    assert replaced.endswith(f"{BEGIN}\n\nnew results\n\n<!-- end of results -->\n")
