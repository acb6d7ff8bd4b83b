"""Puts the results into the document, between two marks."""

from benchmarks.forecast.tables import (
    INTERVAL,
    forecaster_table,
    harmless_table,
    interval_table,
    pool_table,
    scrape_table,
)
from benchmarks.forecast.trace import Experiment
from benchmarks.marks import with_part
from benchmarks.results import Machine

BEGIN = "<!-- results: written by the experiment, do not edit -->"


def with_results(text: str, experiment: Experiment, fits: Experiment) -> str:
    """Return the document with its results replaced; raises BenchmarkError without the marks.

    fits: of the harmless loads.
    """
    return with_part(text, BEGIN, _results(experiment, fits), "the document")


def _results(experiment: Experiment, fits: Experiment) -> str:
    traces = experiment.traces
    parts = [
        _machine_sentence(experiment.machine),
        "![Forecast and truth over time for six loads](forecast.svg)",
        f"### All forecasters, a poll every {INTERVAL} s, warning below 60 s",
        forecaster_table(traces),
        "### The chosen forecast by poll interval, warning below 60 s",
        interval_table(traces),
        "### The chosen forecast as scraped, warning below 60 s",
        scrape_table(traces),
        f"### The chosen forecast load by load, a poll every {INTERVAL} s, warning below 60 s",
        pool_table(traces),
        "### Loads that never run out: seconds of false alarm below 60 s",
        _machine_sentence(fits.machine),
        harmless_table(fits.traces),
    ]
    return "\n\n".join(parts)


def _machine_sentence(machine: Machine) -> str:
    return (
        f"Measured on {machine.date}, Linux {machine.kernel}, {machine.cores} cores, "
        f"exporter {machine.versions['exporter']}."
    )
