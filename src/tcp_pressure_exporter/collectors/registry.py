"""The registry of everything that is exported; made afresh, never the library's global one."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from tcp_pressure_exporter.collectors.sample_collector import SampleCollector
from tcp_pressure_exporter.sample.exporter import ExporterState
from tcp_pressure_exporter.sample.sample import Sample


def build_registry(
    newest: Callable[[], Sample | None], state: Callable[[], ExporterState]
) -> CollectorRegistry:
    """Return a registry with the newest sample and the process_* and python_* metrics."""
    registry = CollectorRegistry()
    registry.register(SampleCollector(newest, state))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
