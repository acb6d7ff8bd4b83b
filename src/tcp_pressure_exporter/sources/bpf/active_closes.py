"""The connections that this end closes first: programs/active_closes.bpf.c.

Addresses come and go, and their rows would fill the kernel's table for good. So there are two
tables: once one is half full, the other takes over; the first is read in full and emptied.
"""

import struct
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.facts.time_wait import (
    CHOSEN,
    OUTSIDE,
    PRIVILEGED,
    ActiveClose,
    CloseCounts,
    UnnamedCloses,
)
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

OBJECT, PROGRAM = "active_closes", "count_active_closes"
OVERFLOW = "closes_overflow"
TABLES = ("closes_even", "closes_odd")  # by the last bit of the generation
LOCAL_PORTS = (CHOSEN, PRIVILEGED, OUTSIDE)

# As the program declares them: struct kind, struct active_close, a count.
KIND = struct.Struct("=IBB2x")
CLOSE = struct.Struct("=IBBHQ16s16s16sI4x")
MAX_ROWS, MAX_KINDS = 4096, 1024
ENOUGH_ROWS = MAX_ROWS // 2  # from this many up, the other table takes over
ONLY_KEY = bytes(4)


class ActiveCloses:
    """Counts from its creation on.

    Each sample asks first in the namespace where it was created, then in the others.
    """

    def __init__(self, loaded: BpfObject) -> None:
        """Start with a program that the caller attaches, now or later."""
        self._loaded = loaded
        self._tables = [CountTable(loaded, name, CLOSE.size, MAX_ROWS) for name in TABLES]
        self._kinds = CountTable(loaded, OVERFLOW, KIND.size, MAX_KINDS)
        self._home = watch_namespace(loaded)
        self._generation = 0
        self._rows = 0  # of the present generation, at the last sample
        self._samples: int | None = None  # since the last change; None: the other table is empty

    def active_closes(self) -> CloseCounts:
        """Return the counts for the calling thread's network namespace; raises SourceError."""
        netns = watch_namespace(self._loaded)
        if netns == self._home:
            self._turn_over()
        tables, kinds = [table.of(netns) for table in self._tables], self._kinds.of(netns)
        lost = self._loaded.look_up("closes_lost", ONLY_KEY, COUNT.size)
        if netns == self._home:
            self._rows = self._tables[self._generation & 1].rows
        return parse_counts(self._generation, tables, kinds, lost)

    def held(self) -> AbstractContextManager[None]:
        """Read the counts once for all namespaces that ask inside the block."""
        return all_held((*self._tables, self._kinds))

    def close(self) -> None:
        """Stop counting."""
        self._loaded.close()

    def _turn_over(self) -> None:
        """Empty the table abandoned two samples ago, and abandon one that is filling up.

        Whatever a program added to it at that moment was read by the sample in between, for all
        namespaces.
        """
        if self._samples is not None:
            self._samples += 1
            if self._samples > 1:
                self._empty((self._generation - 1) & 1)
                self._samples = None
        if self._samples is None and self._rows >= ENOUGH_ROWS:
            self._loaded.update("generation", ONLY_KEY, COUNT.pack(self._generation + 1))
            self._generation += 1
            self._samples = 0

    def _empty(self, odd: int) -> None:
        table, kinds = self._tables[odd], self._kinds
        table.delete([key for key, _count in table.entries()])
        kinds.delete([key for key, _ in kinds.entries() if KIND.unpack(key)[2] == odd])


def parse_counts(
    generation: int, tables: Iterable[Entries], kinds: Entries, lost: bytes
) -> CloseCounts:
    """Return the counts of one namespace's rows; raises SourceError.

    generation: the current one. tables: for even generations, and for odd ones.
    """
    generations = [generation - ((generation - odd) & 1) for odd in (0, 1)]
    try:
        return CloseCounts(
            {
                row: count
                for made, entries in zip(generations, tables, strict=True)
                for row, count in _rows(made, entries)
            },
            dict(_unnamed(generations, kinds)),
            COUNT.unpack(lost)[0],
        )
    except (struct.error, IndexError) as error:
        raise SourceError(f"BPF object {OBJECT}", f"cannot be read: {error}") from error


def _rows(generation: int, entries: Entries) -> Iterator[tuple[ActiveClose, int]]:
    for row, count in counted(entries):
        _netns, accepted, ports, port, cgroup_id, local, remote, name, scope = CLOSE.unpack(row)
        ends = (local, remote, port.to_bytes(2), scope)
        who = (LOCAL_PORTS[ports], cgroup_id, process_name(name))
        yield ActiveClose(generation, bool(accepted), *ends, *who), count


def _unnamed(generations: list[int], kinds: Entries) -> Iterator[tuple[UnnamedCloses, int]]:
    for kind, count in counted(kinds):
        _netns, accepted, odd = KIND.unpack(kind)
        yield UnnamedCloses(generations[odd], bool(accepted)), count


def open_active_closes(load_object: LoadObject = load) -> ActiveCloses | Missing:
    """Start counting, or return why that is not possible here."""
    return opened(OBJECT, _begin, load_object)


def _begin(loaded: BpfObject) -> ActiveCloses:
    closes = ActiveCloses(loaded)
    loaded.attach(PROGRAM)
    return closes
