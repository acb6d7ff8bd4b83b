"""The calls that the kernel refuses for want of a local port: programs/port_failures.bpf.c."""

import struct
from collections.abc import Callable, Iterable

from tcp_pressure_exporter.facts.failures import (
    CONNECT,
    NO_PORT,
    PORT_TAKEN,
    FailureCounts,
    FailureKind,
    PortFailure,
)
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.loading import BpfObject, load

OBJECT = "port_failures"
CALLS = (CONNECT,)
CAUSES = (NO_PORT, PORT_TAKEN)

# As the program declares them: struct kind, struct failure, a count.
KIND = struct.Struct("=IBB2x")
FAILURE = struct.Struct("=IBB2xQ16s16s16sH6x")
COUNT = struct.Struct("=Q")
MAX_FAILURES, MAX_KINDS = 4096, 1024

Entries = Iterable[tuple[bytes, bytes]]


class PortFailures:
    """Counts since it was made."""

    def __init__(self, loaded: BpfObject) -> None:
        self._loaded = loaded
        # The canary's connections are no application's.
        loaded.run("remember_caller")
        loaded.attach("count_port_failures")

    def port_failures(self) -> FailureCounts:
        """Return the counts of the network namespace of the calling thread; raises SourceError."""
        netns = self._loaded.run("netns_of_caller") & 0xFFFFFFFF  # a result is signed
        rows = self._loaded.entries("failures", FAILURE.size, COUNT.size, MAX_FAILURES)
        kinds = self._loaded.entries("overflow", KIND.size, COUNT.size, MAX_KINDS)
        lost = self._loaded.look_up("lost", bytes(4), COUNT.size)
        return parse_counts(netns, rows, kinds, lost)

    def close(self) -> None:
        """Stop counting."""
        self._loaded.close()


def parse_counts(netns: int, rows: Entries, kinds: Entries, lost: bytes) -> FailureCounts:
    """Return the counts of the namespace with this inode; raises SourceError."""
    try:
        failures = [(FAILURE.unpack(key), COUNT.unpack(count)[0]) for key, count in rows]
        unnamed = [(KIND.unpack(key), COUNT.unpack(count)[0]) for key, count in kinds]
        return FailureCounts(
            {_failure(*fields[1:]): count for fields, count in failures if fields[0] == netns},
            {_kind(*fields[1:]): count for fields, count in unnamed if fields[0] == netns},
            COUNT.unpack(lost)[0],
        )
    except (struct.error, IndexError) as error:
        raise SourceError(f"BPF object {OBJECT}", f"cannot be read: {error}") from error


def _kind(call: int, cause: int) -> FailureKind:
    return FailureKind(CALLS[call], CAUSES[cause])


def _failure(  # noqa: PLR0913, PLR0917 - the fields of struct failure
    call: int, cause: int, cgroup_id: int, local: bytes, remote: bytes, name: bytes, port: int
) -> PortFailure:
    process = name.partition(b"\0")[0].decode("utf-8", "replace")
    return PortFailure(_kind(call, cause), cgroup_id, process, local, remote, port)


def open_port_failures(
    load_object: Callable[[str], BpfObject] = load,
) -> PortFailures | Missing:
    """Begin to count, or return why that cannot be done here."""
    try:
        loaded = load_object(OBJECT)
    except SourceError as error:
        return Missing(str(error))
    try:
        return PortFailures(loaded)
    except SourceError as error:
        loaded.close()
        return Missing(str(error))
