"""Tests that need BPF run where it loads; elsewhere one line says that they did not.

The marker `bpf` names the object that a test needs (sources/bpf/programs); without a name it is the
one that asks least of a kernel. Where BPF_TESTS=demanded they run in any case, and fail.
"""

from collections.abc import Mapping

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.bpf.bind_hash import OBJECT
from tcp_pressure_exporter.sources.bpf.loading import load

DEMAND = "BPF_TESTS"


class BpfTests:
    """Leaves the tests with the marker `bpf` out where nothing can be loaded."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._demanded = environment.get(DEMAND) == "demanded"
        self._reasons: dict[str, str] = {}

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        if self._demanded:
            return
        objects = {item: name for item in items if (name := needed_object(item))}
        for name in set(objects.values()):
            if reason := why_not_loaded(name):
                self._reasons[name] = reason
        left_out = [item for item, name in objects.items() if name in self._reasons]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)

    # Quoted: the pytest of the arm64 guest, 8.3, does not have this name.
    def pytest_terminal_summary(self, terminalreporter: "pytest.TerminalReporter") -> None:
        reasons = dict.fromkeys(self._reasons.values())
        if not reasons and not self._demanded and (reason := why_no_bpf()):
            reasons = {reason: None}
        for reason in reasons:
            terminalreporter.write_line(f"tests of BPF were left out: {reason}")


def needed_object(item: pytest.Item) -> str | None:
    """Return the object that a test needs, None where it needs none."""
    marker = item.get_closest_marker("bpf")
    if marker is None:
        return None
    return str(marker.args[0]) if marker.args else OBJECT


def why_not_loaded(name: str) -> str | None:
    """Return why an object cannot be loaded here, None where it can."""
    try:
        load(name).close()
    except SourceError as error:
        return str(error)
    return None


def why_no_bpf() -> str | None:
    """Return why no program can be loaded here, None where one can."""
    return why_not_loaded(OBJECT)
