"""The ports that connect() skips, from the kernel's own table of bound ports."""

import os
import struct
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import BITMAP_BYTES, from_bitmap
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.loading import BpfObject, LoadObject, load, opened

OBJECT = "bind_hash"
IN_STEP = "bind_hash_in_step"  # the same, faster, from Linux 6.2 on
PROGRAM = "walk_bind_hash"
TABLE, ELSEWHERE = "skipped_ports", "elsewhere"
ARGUMENTS = struct.Struct("=QQQ")  # whether everywhere, the first chain, how many
CHAINS_AT_ONCE = 8_192  # the kernel lets no other task run meanwhile: less than a millisecond
NUMBER = struct.Struct("=I")  # a place in the table, an inode
HERE = 0  # the place of the thread's own namespace
MOST_ELSEWHERE = 64


def own_inode() -> int:
    """Return the inode of the calling thread's network namespace."""
    return os.stat("/proc/thread-self/ns/net").st_ino  # noqa: PTH116 - a Path would double the time


class BindHash:
    """Reads the calling thread's network namespace, or several in one walk."""

    def __init__(self, loaded: BpfObject, inode: Callable[[], int] = own_inode) -> None:
        """Ask for the size of the table; raises SourceError."""
        self._loaded = loaded
        self._chains = self._run(0, 0, everywhere=False)
        self._inode = inode
        self._known: Mapping[int, int] = {}

    def skipped_ports(self) -> int:
        """Return the set of ports (facts/ports.py) that connect() never chooses.

        Source: net/ipv4/inet_hashtables.c, __inet_hash_connect: if bind() created or joined a
        port's bucket, connect() skips the port, whatever the destination. Ports bound in a VRF
        count as well, although only that VRF is affected.
        Raises SourceError.
        """
        if self._known and (known := self._known.get(self._inode())) is not None:
            return known
        self._clear(HERE)
        self._walk(everywhere=False)
        return self._ports(HERE)

    @contextmanager
    def looked_at(self, inodes: Collection[int]) -> Iterator[None]:
        """Hold the ports of these namespaces and the thread's own inside the block.

        A walk finds those of MOST_ELSEWHERE namespaces. If it fails, all are walked one by one.
        """
        rest = list(inodes)
        try:
            while rest:
                self._known = {**self._known, **self._everywhere(rest[:MOST_ELSEWHERE])}
                del rest[:MOST_ELSEWHERE]
        except SourceError:
            self._known = {}
        try:
            yield
        finally:
            self._known = {}

    def _everywhere(self, inodes: Collection[int]) -> Mapping[int, int]:
        places = dict(zip(inodes, range(HERE + 1, HERE + 1 + len(inodes)), strict=True))
        try:
            self._clear(HERE)
            for inode, place in places.items():
                self._clear(place)
                self._loaded.update(ELSEWHERE, NUMBER.pack(inode), NUMBER.pack(place))
            self._walk(everywhere=True)
            places[self._inode()] = HERE
            return {inode: self._ports(place) for inode, place in places.items()}
        finally:
            self._loaded.delete(ELSEWHERE, [NUMBER.pack(inode) for inode in inodes])

    def _clear(self, place: int) -> None:
        self._loaded.update(TABLE, NUMBER.pack(place), bytes(BITMAP_BYTES))

    def _walk(self, *, everywhere: bool) -> None:
        for first in range(0, self._chains, CHAINS_AT_ONCE):
            chains = min(CHAINS_AT_ONCE, self._chains - first)
            self._run(first, chains, everywhere=everywhere)

    def _run(self, first: int, chains: int, *, everywhere: bool) -> int:
        """Walk some chains and return how many the table has."""
        found = self._loaded.run(PROGRAM, ARGUMENTS.pack(everywhere, first, chains))
        if not found:
            raise SourceError(f"BPF object {OBJECT}", "this kernel's table has another form")
        return found

    def _ports(self, place: int) -> int:
        return from_bitmap(self._loaded.look_up(TABLE, NUMBER.pack(place), BITMAP_BYTES))

    def close(self) -> None:
        """Release the program."""
        self._loaded.close()


def open_bind_hash(load_object: LoadObject = load) -> BindHash | Missing:
    """Return the table, or why it cannot be read here; a trial read decides."""
    found = opened(IN_STEP, _read_once, load_object)
    return opened(OBJECT, _read_once, load_object) if isinstance(found, Missing) else found


def _read_once(loaded: BpfObject) -> BindHash:
    table = BindHash(loaded)
    table.skipped_ports()
    return table
