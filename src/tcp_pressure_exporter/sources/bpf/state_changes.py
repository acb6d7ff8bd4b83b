"""Failing connects and active closes, counted by as few programs as possible.

Most of the cost of counting is the call at each change of a socket's state, so one program counts
both if both are wanted: programs/state_changes.bpf.c.
"""

from tcp_pressure_exporter.facts.questions import NOT_COUNTED, Missing
from tcp_pressure_exporter.sources.bpf.active_closes import ActiveCloses, open_active_closes
from tcp_pressure_exporter.sources.bpf.loading import BpfObject, LoadObject, load, opened
from tcp_pressure_exporter.sources.bpf.port_failures import (
    BINDS,
    CountedCalls,
    PortFailures,
    open_calls,
    open_port_failures,
)

OBJECT, PROGRAM = "state_changes", "count_state_changes"

Counting = tuple[PortFailures | Missing, ActiveCloses | Missing]


def open_counting(*, failures: bool, closes: bool, load_object: LoadObject = load) -> Counting:
    """Start counting what is wanted; for each of the two, return why it is not counted, if so."""
    if failures and closes:
        return open_state_changes(load_object)
    return (
        open_port_failures(load_object) if failures else NOT_COUNTED,
        open_active_closes(load_object) if closes else NOT_COUNTED,
    )


def open_state_changes(load_object: LoadObject = load) -> Counting:
    """Start counting both, or return for each why that is not possible here.

    Closing one of them ends both.
    """
    both = opened(OBJECT, _begin, load_object)
    if isinstance(both, Missing):
        return both, both
    connects, closes = both
    return PortFailures(connects, open_calls(BINDS, load_object)), closes


def _begin(loaded: BpfObject) -> tuple[CountedCalls, ActiveCloses]:
    both = CountedCalls(loaded), ActiveCloses(loaded)
    loaded.attach(PROGRAM)
    return both
