"""The kernel's table of connections, and the program that walks it."""

import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.loading import BpfObject, LoadObject, load, opened
from tcp_pressure_exporter.sources.bpf.walk.found import (
    BLOCK_BYTES,
    BLOCK_CHAINS,
    HEAD,
    MOST_ATTEMPTS,
    NO_ROOM,
    OPERATION,
    STRAYED,
    WALKED,
    Found,
    parse_block,
)
from tcp_pressure_exporter.sources.netlink.socket import coarse_ms, kernel_tick

OBJECT = "connections"
PROGRAM, MAP = "walk_connections", "found"
ARGUMENTS = struct.Struct("=QQQ")
ONLY_KEY = bytes(4)
CHAINS_IN_STEP = 16


class ConnectionTable:
    """The table of the calling thread's network namespace; every question raises SourceError.

    hz: ticks of the kernel's clock per second.
    """

    def __init__(
        self,
        loaded: BpfObject,
        hz: int,
        ticks_ms: Callable[[], int] = coarse_ms,
    ) -> None:
        self._loaded = loaded
        self.hz = hz
        self.ticks_ms = ticks_ms

    @property
    def walker(self) -> tuple[int, int, int]:
        """What the compiled walk takes: descriptors of program and map, ticks a second."""
        found = self._loaded.descriptor
        return found(PROGRAM), found(MAP), self.hz

    def failures(self) -> AbstractContextManager[None]:
        """Turn an OSError into a SourceError."""
        return self._loaded.failures()

    def chains(self) -> int:
        """Return how many chains the table has."""
        return self._head()[0]

    def is_private(self) -> bool:
        """Tell whether the namespace has its own table: net.ipv4.tcp_child_ehash_entries."""
        return bool(self._head()[3])

    def _head(self) -> tuple[int, int, int, int]:
        self._run(0, 0)
        head: tuple[int, int, int, int] = HEAD.unpack_from(
            self._loaded.look_up(MAP, ONLY_KEY, BLOCK_BYTES)
        )
        return head

    def walk(self, *, everywhere: bool = False) -> Iterator[Found]:
        """Yield the table's contents: the readable form of walking.c.

        everywhere: for all namespaces that share the table.
        """
        chains = self.chains()
        step = min(chains, BLOCK_CHAINS)
        if step < CHAINS_IN_STEP or chains % step:
            raise SourceError(OPERATION, f"a table of {chains} chains")
        first = 0
        while first < chains:
            step, now_ms = self._walk_some(first, step, everywhere=everywhere)
            block = self._loaded.look_up(MAP, ONLY_KEY, BLOCK_BYTES)
            yield parse_block(block, (first // BLOCK_CHAINS, now_ms))
            first += step

    def _walk_some(self, first: int, step: int, *, everywhere: bool) -> tuple[int, int]:
        """Walk as many chains as there is room for; return how many, and the time."""
        result = STRAYED
        for _ in range(MOST_ATTEMPTS):
            now_ms = self.ticks_ms()
            result = self._run(first, step, everywhere=everywhere)
            if result == WALKED:
                return step, now_ms
            if result == NO_ROOM and step == CHAINS_IN_STEP:
                break
            step //= 1 + (result == NO_ROOM)
        full = "have more connections than fit"
        reason = full if result == NO_ROOM else "change all the time"
        raise SourceError(OPERATION, f"{step} chains {reason}")

    def _run(self, first: int, chains: int, *, everywhere: bool = False) -> int:
        return self._loaded.run(PROGRAM, ARGUMENTS.pack(first, chains, everywhere))

    def close(self) -> None:
        """Release the program."""
        self._loaded.close()


def open_connection_table(load_object: LoadObject = load) -> ConnectionTable | Missing:
    """Return the table, or why it cannot be walked here; a trial run decides."""
    return opened(OBJECT, _tried, load_object)


def _tried(loaded: BpfObject) -> ConnectionTable:
    table = ConnectionTable(loaded, round(1 / kernel_tick()))
    table.chains()
    return table
