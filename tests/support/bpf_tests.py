"""Tests that need BPF run where it loads; elsewhere one line says that they were skipped.

The marker `bpf` names the object that a test needs (sources/bpf/programs); without a name it is the
one that asks least of a kernel. With BPF_TESTS=demanded these run in any case, and fail. Those with
`fexit` do not: many kernels do not allow tracing of their functions. `make test-kernels` knows
which do.
"""

from collections.abc import Mapping

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.bind_hash import IN_STEP, OBJECT
from tcp_pressure_exporter.sources.bpf.loading import load
from tcp_pressure_exporter.sources.bpf.port_failures import open_port_failures
from tcp_pressure_exporter.sources.bpf.walk.table import OBJECT as CONNECTIONS

DEMAND = "BPF_TESTS"
FEXIT = "fexit"


class BpfTests:
    """Skips the tests marked as needing what this kernel does not allow."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._demanded = environment.get(DEMAND) == "demanded"
        self._reasons: dict[str, str | None] = {}

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        left_out = {item for item in items if any(map(self._reason, self._needs(item)))}
        if left_out:
            config.hook.pytest_deselected(items=[item for item in items if item in left_out])
            items[:] = [item for item in items if item not in left_out]

    # Quoted: pytest 8.3, in the arm64 guest, does not have this name.
    def pytest_terminal_summary(self, terminalreporter: "pytest.TerminalReporter") -> None:
        # Asked here, too: if workers run the tests, this process has collected none.
        for need in (FEXIT,) if self._demanded else (FEXIT, OBJECT, IN_STEP, CONNECTIONS):
            if reason := self._reason(need):
                terminalreporter.write_line(f"tests that need {need} were left out: {reason}")

    def _needs(self, item: pytest.Item) -> list[str]:
        """Return what a test needs that a kernel may lack."""
        needs = [FEXIT] if item.get_closest_marker(FEXIT) else []
        if not self._demanded:
            markers = item.iter_markers("bpf")
            needs += [str(marker.args[0]) if marker.args else OBJECT for marker in markers]
        return needs

    def _reason(self, need: str) -> str | None:
        if need not in self._reasons:
            self._reasons[need] = why_no_fexit() if need == FEXIT else why_not_loaded(need)
        return self._reasons[need]


def why_not_loaded(name: str) -> str | None:
    """Return why an object cannot be loaded here, None if it can."""
    try:
        load(name).close()
    except SourceError as error:
        return str(error)
    return None


def why_no_fexit() -> str | None:
    """Return why no program can be attached to a function, None if one can."""
    failures = open_port_failures()
    if isinstance(failures, Missing):
        return failures.reason
    reason = failures.no_binds
    failures.close()
    return reason
