"""The registry of everything exported; always a new one, never the library's global one."""

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
from tcp_pressure_exporter.collectors.kernel_events import FAMILIES as KERNEL_EVENTS
from tcp_pressure_exporter.sample.exporter import ExporterCounts, ExporterState
from tcp_pressure_exporter.sample.sample import NamespaceSample, Sample

_OF_THE_KERNEL = {family.metric().name for family in KERNEL_EVENTS}  # the kernel's counters


class SampleCollector(Collector):
    """Yields newly built families: the exporter's, and the newest sample's once there is one.

    families: those of every collector about a namespace.
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
        """Yield the families that have rows: those that failed or are off are absent."""
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


class OneSampleCollector(Collector):
    """Yields what a process can tell that takes one sample and ends.

    Counts since the start would always be zero, so the kernel's are the only counters left.
    """

    def __init__(self, whole: SampleCollector) -> None:
        self._whole = whole

    def describe(self) -> Iterator[Metric]:
        """Yield the families that `collect` may yield, without rows."""
        return filter(_outlives_the_process, self._whole.describe())

    def collect(self) -> Iterator[Metric]:
        """Yield the families of the newest sample."""
        return filter(_outlives_the_process, self._whole.collect())


def _outlives_the_process(metric: Metric) -> bool:
    return metric.type != "counter" or metric.name in _OF_THE_KERNEL


def build_file_registry(collector: SampleCollector) -> CollectorRegistry:
    """Return a registry of what another exporter may serve as its own.

    The process_* and python_* metrics are left out: that exporter has its own, and duplicates make
    a scrape fail.
    """
    registry = CollectorRegistry()
    registry.register(OneSampleCollector(collector))
    return registry


def build_registry(collector: SampleCollector) -> CollectorRegistry:
    """Return a registry with the newest sample and the process_* and python_* metrics."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
