from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from tcp_pressure_exporter.collectors.registry import SampleCollector, build_registry
from tcp_pressure_exporter.daemon.collectors import all_families
from tcp_pressure_exporter.sample.exporter import ExporterCounts, ExporterState

STATE = ExporterState("0.1.0", "3.11.2", "compiled")


def registry() -> CollectorRegistry:
    """Return one without a sample yet."""
    return build_registry(
        SampleCollector(lambda: None, lambda: STATE, ExporterCounts, all_families())
    )


def test_families() -> None:
    """Besides the sample, the registry has the process and the interpreter it runs in."""
    text = generate_latest(registry()).decode()
    for name in (
        "tcp_pressure_build_info",
        "process_resident_memory_bytes",
        "process_open_fds",
        "python_info",
        "python_gc_collections_total",
    ):
        assert f"\n{name}" in f"\n{text}"


def test_registries_are_apart() -> None:
    """Each call makes a new registry; the library's global one stays as it is."""
    before = {metric.name for metric in REGISTRY.collect()}
    one = registry()
    other = registry()
    assert one is not other
    assert {metric.name for metric in REGISTRY.collect()} == before
