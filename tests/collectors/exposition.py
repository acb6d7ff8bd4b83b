"""Metric families as Prometheus would read them."""

import re
from collections.abc import Iterable
from textwrap import dedent

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric

from tcp_pressure_exporter.collectors.family import Family
from tcp_pressure_exporter.sample.sample import NamespaceSample


class _Fixed:
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> list[Metric]:
        return self._metrics


def exposition(metrics: Iterable[Metric]) -> str:
    """Return the text format (0.0.4) without its HELP lines."""
    registry = CollectorRegistry()
    registry.register(_Fixed(metrics))
    lines = generate_latest(registry).decode().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("# HELP "))


def of_namespaces(families: Iterable[Family[NamespaceSample]], *samples: NamespaceSample) -> str:
    """Return the exposition of a collector's families for the given namespaces."""
    subjects = [((sample.netns,), sample) for sample in samples]
    return exposition(family.metric(subjects) for family in families)


def golden(text: str) -> str:
    """Return an expected exposition, indented in its test; a backslash joins two lines."""
    return dedent(re.sub(r"\\\n *", "", text)).lstrip("\n")
