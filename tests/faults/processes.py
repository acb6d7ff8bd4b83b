"""The exporter as a process whose kernel, files, clocks and limits a test can break."""

import re
import time
from collections.abc import Callable
from typing import NamedTuple

from tests.support.labs.exporter_process import Exporter, value_of

PATIENCE_SECONDS = 15.0
SUCCESS = re.compile(
    r'^tcp_pressure_collector_success{collector="(\w+)",.*} ([01])\.0$', re.MULTILINE
)
FAILURES = "tcp_pressure_collector_failures_total"


class State(NamedTuple):
    """What the exporter shows at one moment: `failing` and `working` are names of collectors."""

    page: str
    ready: bool
    failing: frozenset[str]
    working: frozenset[str]

    def value(self, series: str) -> float:
        """Return the value of one series."""
        return value_of(self.page, series)

    def has(self, *metrics: str) -> bool:
        """Return whether any of these metrics has a series."""
        return any(re.search(rf"^{name}[{{ ]", self.page, re.MULTILINE) for name in metrics)


def state_of(exporter: Exporter) -> State:
    """Return what the exporter shows now."""
    status, _ = exporter.get("/-/ready")
    return shown_on(exporter.metrics(), ready=status == 200)


def shown_on(page: str, *, ready: bool) -> State:
    """Return what a page shows."""
    outcomes = SUCCESS.findall(page)
    failing = frozenset(name for name, success in outcomes if success == "0")
    return State(page, ready, failing, frozenset(name for name, _ in outcomes) - failing)


def wait_until(
    exporter: Exporter, seen: Callable[[State], bool], seconds: float = PATIENCE_SECONDS
) -> State:
    """Return the first state in which the condition is met."""
    deadline = time.monotonic() + seconds
    while not seen(state := state_of(exporter)):
        assert time.monotonic() < deadline, (state.ready, state.failing, exporter.log.read_text())
        time.sleep(0.05)
    return state


def wait_until_well(exporter: Exporter) -> State:
    """Return the first state that is ready and in which nothing fails."""
    return wait_until(exporter, lambda state: state.ready and not state.failing)


def lines_since(exporter: Exporter, place: int, event: str) -> list[str]:
    """Return the log's lines about an event, after so many characters."""
    return [line for line in exporter.log.read_text()[place:].splitlines() if event in line]


def named(lines: list[str]) -> list[str]:
    """Return the collectors that the lines name, sorted."""
    fields = [line.split(" collector=")[1].split()[0] for line in lines]
    return sorted(name for field in fields for name in field.split(","))
