"""Failing connects and active closes counted by one program: programs/state_changes.bpf.c."""

from collections.abc import Callable

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.active_closes import ActiveCloses
from tcp_pressure_exporter.sources.bpf.loading import BpfObject, load
from tcp_pressure_exporter.sources.bpf.port_failures import (
    BINDS,
    CountedCalls,
    PortFailures,
    open_calls,
)

OBJECT, PROGRAM = "state_changes", "count_state_changes"

Counting = tuple[PortFailures | Missing, ActiveCloses | Missing]


def open_state_changes(load_object: Callable[[str], BpfObject] = load) -> Counting:
    """Begin to count both, or return for each why that cannot be done here.

    To close one of them ends both.
    """
    try:
        loaded = load_object(OBJECT)
    except SourceError as error:
        return Missing(str(error)), Missing(str(error))
    try:
        connects, closes = CountedCalls(loaded), ActiveCloses(loaded)
        loaded.attach(PROGRAM)
    except SourceError as error:
        loaded.close()
        return Missing(str(error)), Missing(str(error))
    return PortFailures(connects, open_calls(BINDS, load_object)), closes
