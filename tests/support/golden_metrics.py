"""Prints every metric of the page with its type and labels, as tests/golden_metrics.txt keeps them.

usage: python -m tests.support.golden_metrics > tests/golden_metrics.txt
"""

import sys
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from tcp_pressure_exporter.collectors.registry import SampleCollector
from tcp_pressure_exporter.daemon.collectors import all_families
from tcp_pressure_exporter.sample.exporter import ExporterCounts, ExporterState
from tests.support.places import ROOT

GOLDEN = ROOT / "tests" / "golden_metrics.txt"


def exported() -> Iterator[str]:
    """Yield a line for each metric of ours: name, type, labels."""
    state = ExporterState("version", "python", "parser")
    for metric in SampleCollector(
        lambda: None, lambda: state, ExporterCounts, all_families()
    ).describe():
        name = metric.name + "_total" if metric.type == "counter" else metric.name
        labels = metric._labelnames  # type: ignore[attr-defined]  # noqa: SLF001 - not public
        yield " ".join((name, metric.type, ",".join(labels))).rstrip()


def from_the_library() -> Iterator[str]:
    """Yield the same for process_* and python_*, as they are on Linux."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    for metric in registry.collect():
        labels = sorted({label for sample in metric.samples for label in sample.labels})
        name = metric.name + "_total" if metric.type == "counter" else metric.name
        yield " ".join((name, metric.type, ",".join(labels))).rstrip()


def lines() -> list[str]:
    """Return all lines, sorted by name."""
    return sorted([*exported(), *from_the_library()])


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in lines())
