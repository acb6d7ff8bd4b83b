"""The history of the benchmarks: its lines, its plot, and the documents that quote it."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks.history import HISTORY, Run, figures_of, history_chart, keep, newest, read
from tests.benchmarks.sample_results import case, results
from tests.documents.test_links import FILES

QUOTED = re.compile(r"([\d.,]+)[^\d<>]{0,12}\s<!-- benchmarks: (\w+) -->")


def test_a_run_is_a_line(tmp_path: Path) -> None:
    """A line has the day, the commit and the figures; earlier lines stay, and the plot is new."""
    history = tmp_path / "history.jsonl"
    found = results(case(100_000, 1.25), case(1_000_000, 1.5))
    keep("2024-05-06", figures_of(found), history)
    keep("2024-05-07", {"ratio_100000": 1.2}, history)
    first, second = read(history)
    assert first.date == "2024-05-06"
    assert re.fullmatch(r"[0-9a-f]{7,}\+?", first.commit)
    # 1.25 and 1.5 times the floor of 100 ms, where node_exporter takes 300 ms.
    assert first.figures["ratio_100000"] == 1.25
    assert first.figures["node_exporter_times_1000000"] == 2
    assert first.figures["idle_percent"] == 0.15
    assert second.figures == {"ratio_100000": 1.2}
    assert history.with_suffix(".svg").exists()


def test_the_newest_figure_counts() -> None:
    """Each figure is from the last run that has it."""
    runs = [Run("2024-05-06", "aaa", {"a": 1, "b": 1}), Run("2024-05-07", "bbb", {"a": 2})]
    assert newest(runs) == {"a": 2, "b": 1}


def test_the_plot_has_a_dot_for_each_run() -> None:
    """Runs of the suite are drawn in order; others are not."""
    runs = [
        Run("2024-05-06", "aaa", {"ratio_100000": 1.5}),
        Run("2024-05-07", "bbb", {"conntrack_ratio": 1.1}),
        Run("2024-05-08", "ccc", {"ratio_100000": 1.2}),
    ]
    chart = ET.fromstring(history_chart(runs))  # noqa: S314 - our own text
    first, second = chart.iter("{http://www.w3.org/2000/svg}circle")
    assert float(first.attrib["cx"]) < float(second.attrib["cx"])
    assert float(first.attrib["cy"]) < float(second.attrib["cy"])  # higher is more
    words = [element.text for element in chart.iter("{http://www.w3.org/2000/svg}text")]
    assert "aaa" in words
    assert "bbb" not in words


def test_the_kept_plot_is_that_of_the_kept_lines() -> None:
    """The history and the plot match: nobody edits one without the other."""
    assert HISTORY.with_suffix(".svg").read_text() == history_chart(read())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_documents_quote_the_newest_figures(path: Path) -> None:
    """A number before a comment `benchmarks: NAME` is the newest one, to the digits written."""
    figures = newest(read())
    text = path.read_text()
    quoted = QUOTED.findall(text)
    assert len(quoted) == text.count("<!-- benchmarks: ")
    # At the beginning of a line it would begin a block of HTML, links and all.
    assert not re.search(r"^ *<!-- benchmarks: ", text, re.MULTILINE)
    for number, name in quoted:
        digits = len(number.partition(".")[2])
        assert f"{figures[name]:,.{digits}f}" == number, name


def test_figures_are_quoted() -> None:
    """The README, the sizing and the architecture do so."""
    names = {path.name for path in FILES if "<!-- benchmarks: " in path.read_text()}
    assert {"README.md", "deployment.md", "architecture.md"} <= names
