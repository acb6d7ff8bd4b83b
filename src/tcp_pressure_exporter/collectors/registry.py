"""The registry of everything that is exported; made afresh, never the library's global one."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from tcp_pressure_exporter.collectors.family import Family
from tcp_pressure_exporter.collectors.health import (
    COUNTS_FAMILIES,
    EXPORTER_FAMILIES,
    NAMESPACE_FAMILIES,
    SAMPLE_FAMILIES,
)
from tcp_pressure_exporter.sample.exporter import ExporterCounts, ExporterState
from tcp_pressure_exporter.sample.sample import NamespaceSample, Sample


class SampleCollector(Collector):
    """Yields families built afresh: of the exporter, and of the newest sample once there is one.

    families: those about a namespace, of every collector.
    """

    def __init__(
        self,
        newest: Callable[[], Sample | None],
        state: Callable[[], ExporterState],
        counts: Callable[[], ExporterCounts],
        families: Iterable[Family[NamespaceSample]],
    ) -> None:
        self._newest = newest
        self._state = state
        self._counts = counts
        # The health of the collectors, then each subject.
        self._families = (*NAMESPACE_FAMILIES, *families)

    def describe(self) -> Iterator[Metric]:
        """Yield every family without rows, so that the registry can filter by name."""
        for exporter_family in EXPORTER_FAMILIES:
            yield exporter_family.metric()
        for counts_family in COUNTS_FAMILIES:
            yield counts_family.metric()
        for family in SAMPLE_FAMILIES:
            yield family.metric()
        for namespace_family in self._families:
            yield namespace_family.metric()

    def collect(self) -> Iterator[Metric]:
        """Yield the families that have rows: what failed or is off is absent."""
        state, counts = self._state(), self._counts()
        yield from _with_rows(family.metric([((), state)]) for family in EXPORTER_FAMILIES)
        for counts_family in COUNTS_FAMILIES:
            yield counts_family.metric([((), counts)])
        sample = self._newest()
        if sample is None:
            return
        namespaces = [((namespace.netns,), namespace) for namespace in sample.namespaces]
        metrics = chain(
            (family.metric([((), sample)]) for family in SAMPLE_FAMILIES),
            (family.metric(namespaces) for family in self._families),
        )
        yield from _with_rows(metrics)


def _with_rows(metrics: Iterable[Metric]) -> Iterator[Metric]:
    return (metric for metric in metrics if metric.samples)


def build_registry(
    newest: Callable[[], Sample | None],
    state: Callable[[], ExporterState],
    counts: Callable[[], ExporterCounts],
    families: Iterable[Family[NamespaceSample]],
) -> CollectorRegistry:
    """Return a registry with the newest sample and the process_* and python_* metrics."""
    registry = CollectorRegistry()
    registry.register(SampleCollector(newest, state, counts, families))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
