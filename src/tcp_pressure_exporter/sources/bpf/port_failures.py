"""The calls that the kernel refuses for lack of a local port: programs/port_failures.bpf.c.

Failures of bind() and listen() are counted by programs/bind_failures.bpf.c, which cannot be
attached on every kernel.
"""

import struct
from contextlib import AbstractContextManager

from tcp_pressure_exporter.facts.failures import (
    BIND,
    BIND_FAILURES,
    CONNECT,
    CONNECT_FAILURES,
    NO_PORT,
    NOBODY,
    PORT_TAKEN,
    FailureCounts,
    FailureKind,
    PortFailure,
)
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.loading import BpfObject, LoadObject, load, opened
from tcp_pressure_exporter.sources.bpf.rows import (
    COUNT,
    CountTable,
    Entries,
    all_held,
    counted,
    process_name,
    watch_namespace,
)

CONNECTS, BINDS = "port_failures", "bind_failures"  # each counts in the program count_NAME
CALLS = (CONNECT, BIND)
CAUSES = (NO_PORT, PORT_TAKEN)

# As the program declares them: struct kind, struct failure, a count.
KIND = struct.Struct("=IBB2x")
FAILURE = struct.Struct("=IBB2xQ16s16s16sH6x")
MAX_FAILURES, MAX_KINDS = 4096, 1024


class CountedCalls:
    """Counts the failures of one call, from its own creation on."""

    def __init__(self, loaded: BpfObject) -> None:
        """Start with a program that the caller attaches, now or later."""
        self._loaded = loaded
        self._failures = CountTable(loaded, "failures", FAILURE.size, MAX_FAILURES)
        self._overflow = CountTable(loaded, "overflow", KIND.size, MAX_KINDS)
        watch_namespace(loaded)

    @property
    def tables(self) -> tuple[CountTable, ...]:
        """The tables that have rows of all namespaces."""
        return self._failures, self._overflow

    def counts(self) -> FailureCounts:
        """Return the failures in the calling thread's network namespace; raises SourceError."""
        netns = watch_namespace(self._loaded)
        rows, kinds = self._failures.of(netns), self._overflow.of(netns)
        lost = self._loaded.look_up("lost", bytes(4), COUNT.size)
        return parse_counts(rows, kinds, lost)

    def close(self) -> None:
        """Stop counting."""
        self._loaded.close()


class PortFailures:
    """Counts failures from its creation on: of connect(), and of bind() if that can be counted."""

    def __init__(self, connects: CountedCalls, binds: CountedCalls | Missing) -> None:
        self._connects = connects
        self._binds = binds

    @property
    def no_binds(self) -> str | None:
        """Return why bind() is not counted; None if it is."""
        return self._binds.reason if isinstance(self._binds, Missing) else None

    def held(self) -> AbstractContextManager[None]:
        """Read the counts once for all namespaces that ask inside the block."""
        binds = () if isinstance(self._binds, Missing) else self._binds.tables
        return all_held((*self._connects.tables, *binds))

    def port_failures(self) -> FailureCounts:
        """Return the counts for the calling thread's network namespace; raises SourceError."""
        connects = self._connects.counts()
        if isinstance(self._binds, Missing):
            return connects
        binds = self._binds.counts()
        return FailureCounts(
            {**connects.rows, **binds.rows},
            {**connects.unnamed, **binds.unnamed},
            connects.lost + binds.lost,
            CONNECT_FAILURES + BIND_FAILURES,
        )

    def close(self) -> None:
        """Stop counting."""
        self._connects.close()
        if not isinstance(self._binds, Missing):
            self._binds.close()


def parse_counts(rows: Entries, kinds: Entries, lost: bytes) -> FailureCounts:
    """Return the counts of one namespace's rows; raises SourceError."""
    try:
        return FailureCounts(
            {_failure(*FAILURE.unpack(row)): n for row, n in counted(rows)},
            {_kind(*KIND.unpack(kind)): n for kind, n in counted(kinds)},
            COUNT.unpack(lost)[0],
        )
    except (struct.error, IndexError) as error:
        raise SourceError("BPF counts of failures", f"cannot be read: {error}") from error


def _kind(_netns: int, call: int, cause: int) -> FailureKind:
    return FailureKind(CALLS[call], CAUSES[cause])


def _failure(  # noqa: PLR0913, PLR0917 - the fields of struct failure
    netns: int,
    call: int,
    cause: int,
    cgroup_id: int,
    local: bytes,
    remote: bytes,
    name: bytes,
    port: int,
) -> PortFailure:
    kind = _kind(netns, call, cause)
    far = NOBODY if kind.call == BIND else remote
    return PortFailure(kind, cgroup_id, process_name(name), local, far, port)


def open_port_failures(load_object: LoadObject = load) -> PortFailures | Missing:
    """Start counting, or return why that is not possible here."""
    connects = open_calls(CONNECTS, load_object)
    if isinstance(connects, Missing):
        return connects
    return PortFailures(connects, open_calls(BINDS, load_object))


def open_calls(name: str, load_object: LoadObject) -> CountedCalls | Missing:
    """Start counting the failures of one call, or return why that is not possible here."""

    def begin(loaded: BpfObject) -> CountedCalls:
        calls = CountedCalls(loaded)
        loaded.attach(f"count_{name}")
        return calls

    return opened(name, begin, load_object)
