"""Tests that need BPF run where it loads; elsewhere one line says that they did not.

Where BPF_TESTS=demanded they run in any case, and fail.
"""

from collections.abc import Mapping

import pytest

from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.bind_hash import open_bind_hash

DEMAND = "BPF_TESTS"


class BpfTests:
    """Leaves the tests with the marker `bpf` out where nothing can be loaded."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._demanded = environment.get(DEMAND) == "demanded"
        self._reason: str | None = None

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        marked = [item for item in items if item.get_closest_marker("bpf")]
        if not marked or self._demanded or (reason := why_no_bpf()) is None:
            return
        self._reason = reason
        items[:] = [item for item in items if item not in marked]
        config.hook.pytest_deselected(items=marked)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        reason = self._reason or (None if self._demanded else why_no_bpf())
        if reason:
            terminalreporter.write_line(f"tests of BPF were left out: {reason}")


def why_no_bpf() -> str | None:
    """Return why no program can be loaded here, None where one can."""
    table = open_bind_hash()
    if isinstance(table, Missing):
        return table.reason
    table.close()
    return None
