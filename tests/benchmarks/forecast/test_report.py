"""The experiment's tables, plot and document."""

from xml.etree import ElementTree as ET

import pytest

from benchmarks.failure import BenchmarkError
from benchmarks.forecast.chart import forecast_chart
from benchmarks.forecast.paths import DOCUMENT, HARMLESS, PLOT, TRACES
from benchmarks.forecast.report import BEGIN, with_results
from benchmarks.forecast.tables import harmless_table, interval_table, pool_table, scrape_table
from benchmarks.forecast.trace import load
from benchmarks.marks import END
from tests.benchmarks.forecast.sample_traces import experiment, harmless

SVG = "{http://www.w3.org/2000/svg}"


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_pool_table() -> None:
    """Each pool has a row: when it was full, the lead, the error, the false alarms."""
    fills, fits = map(cells, pool_table(experiment().traces).splitlines()[2:])
    assert fills == ["constant, 80/s", "37.5", "27.5", "unseen", "0"]
    assert fits == ["burst, 400/s for 5 s, fits", "-", "-", "-", "0"]


def test_interval_table() -> None:
    """Three intervals, one warning or three in a row."""
    rows = [cells(line) for line in interval_table(experiment().traces).splitlines()[2:]]
    assert len(rows) == 3 * 2
    assert rows[0][:3] == ["1 s", "1", "0 of 1"]


def test_scrape_table() -> None:
    """A rule that reads every 5 or 15 s sees a warning later than the poll that made it.

    After 5 s the mean of ten is 40/s, and 2,600 free ports last 65 s; after 6 s it is 48/s, and
    2,520 ports last 52.5 s. So the poll of 6 s warns first, 31.5 s before the end, and scrapes see
    it 2.5 or 7.5 s later on average.
    """
    rows = [cells(line) for line in scrape_table(experiment().traces).splitlines()[2:]]
    assert len(rows) == 3 * 2
    assert rows[0] == ["1 s", "5 s", "0.0 of 1", "0.0", "29.0", "0"]
    assert rows[1] == ["1 s", "15 s", "0.0 of 1", "0.0", "24.0", "0"]


def test_harmless_table() -> None:
    """A load that fits shows its most used ports and both formulas' seconds of false alarm.

    A hundred closes a second from 5 to 8 s: the mean of ten is 20/s or more, so the free ports last
    less than a minute, from 7 to 16 s. At 9 s there was a second without a close.
    """
    [row] = map(cells, harmless_table(harmless().traces).splitlines()[2:])
    assert row == ["batch", "300", "10", "0", "10", "2"]


def test_document_without_marks() -> None:
    """A document without a place for the results is refused."""
    with pytest.raises(BenchmarkError, match="the document has no"):
        with_results("# Forecast", experiment(), harmless())


def test_document_keeps_its_words() -> None:
    """Only what lies between the marks is replaced."""
    text = with_results(f"before\n{BEGIN}\nold\n{END}\nafter\n", experiment(), harmless())
    assert text.startswith(f"before\n{BEGIN}\n\nMeasured on 2024-05-06, Linux 6.1.0, 2 cores")
    assert text.endswith(f"|\n\n{END}\nafter\n")


def test_chart() -> None:
    """A pool that fills has a truth and a forecast; one that does not has its own panel."""
    root = ET.fromstring(forecast_chart(experiment().traces))  # noqa: S314 - our own text
    words = {text.text for text in root.findall(f"{SVG}text")}
    assert {"constant, 80/s", "burst, 400/s for 5 s, fits: never full"} <= words
    dashed = [line for line in root.findall(f"{SVG}line") if "stroke-dasharray" in line.attrib]
    assert len(dashed) == 1
    assert root.findall(f"{SVG}polyline")


def test_kept_results_are_rendered() -> None:
    """The document and the plot match the kept traces."""
    kept = load(TRACES)
    assert with_results(DOCUMENT.read_text(), kept, load(HARMLESS)) == DOCUMENT.read_text()
    assert forecast_chart(kept.traces) == PLOT.read_text()
