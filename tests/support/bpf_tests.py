"""Tests that need BPF run where it loads; elsewhere one line says that they did not.

Those with the marker `bpf` run in any case where BPF_TESTS=demanded, and fail. Those with `fexit`
do not: many a kernel lets nobody trace its functions. On which it is let `make test-kernels` knows.
"""

from collections.abc import Callable, Mapping

import pytest

from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.bind_hash import open_bind_hash
from tcp_pressure_exporter.sources.bpf.port_failures import open_port_failures

DEMAND = "BPF_TESTS"


class BpfTests:
    """Leaves out the tests with a marker of what this kernel does not let anyone do."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        demanded = environment.get(DEMAND) == "demanded"
        self._asked: dict[str, Callable[[], str | None]] = {"fexit": why_no_fexit}
        if not demanded:
            self._asked["bpf"] = why_no_bpf
        self._reasons: dict[str, str | None] = {}

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        for marker in self._asked:
            marked = [item for item in items if item.get_closest_marker(marker)]
            if marked and self._reason(marker):
                items[:] = [item for item in items if item not in marked]
                config.hook.pytest_deselected(items=marked)

    # Quoted: the pytest of the arm64 guest, 8.3, does not have this name.
    def pytest_terminal_summary(self, terminalreporter: "pytest.TerminalReporter") -> None:
        for marker in self._asked:
            if reason := self._reason(marker):
                line = f"tests with the marker {marker} were left out: {reason}"
                terminalreporter.write_line(line)

    def _reason(self, marker: str) -> str | None:
        if marker not in self._reasons:
            self._reasons[marker] = self._asked[marker]()
        return self._reasons[marker]


def why_no_bpf() -> str | None:
    """Return why no program can be loaded here, None where one can."""
    table = open_bind_hash()
    if isinstance(table, Missing):
        return table.reason
    table.close()
    return None


def why_no_fexit() -> str | None:
    """Return why no program can be attached to a function, None where one can."""
    failures = open_port_failures()
    if isinstance(failures, Missing):
        return failures.reason
    reason = failures.no_binds
    failures.close()
    return reason
