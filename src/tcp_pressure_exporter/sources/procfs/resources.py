"""Finite resources of the kernel's TCP other than ports: how much of each is used, and its limit.

/proc/net/sockstat has the kernel's own counts of sockets: net/ipv4/proc.c, sockstat_seq_show, and
net/ipv6/proc.c, sockstat6_seq_show.
"""

from collections.abc import Iterator, Mapping
from mmap import PAGESIZE
from pathlib import Path

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.sources.procfs.counters import (
    read_conntrack_statistics,
    read_net_statistics,
)
from tcp_pressure_exporter.sources.procfs.files import (
    parse_int,
    read_proc_file,
    read_sysctl,
    read_sysctl_int,
)

NAME = "/proc/net/sockstat"
NAME6 = "/proc/net/sockstat6"
MAX_BYTES = 65_536  # it is a few lines


def read_tcp_sockstat(procfs: Path) -> dict[str, int]:
    """Return the fields of the TCP line (inuse, orphan, tw, alloc, mem); raises SourceError."""
    # /proc/net would show the namespace of the process's first thread, not of this one.
    text = read_proc_file(NAME, f"{procfs}/thread-self/net/sockstat", MAX_BYTES)
    if text is None:
        raise SourceError(NAME, "absent")
    return parse_tcp_sockstat(text)


def count_tcp_sockets(procfs: Path, process: str = "thread-self") -> int | None:
    """Return how many TCP sockets a process's network namespace has, TIME_WAIT included.

    Sockets that are only bound and half-open connections do not count. process: a process id. None
    if it has ended; raises SourceError.
    """
    text = read_proc_file(NAME, f"{procfs}/{process}/net/sockstat", MAX_BYTES)
    if text is None:
        return None
    # Absent if the kernel has no IPv6. Its sockets are counted there, except TIME_WAIT.
    text6 = read_proc_file(NAME6, f"{procfs}/{process}/net/sockstat6", MAX_BYTES)
    fields, fields6 = parse_tcp_sockstat(text), parse_tcp_sockstat(text6, "TCP6") if text6 else {}
    return fields.get("inuse", 0) + fields.get("tw", 0) + fields6.get("inuse", 0)


def parse_tcp_sockstat(text: str, protocol: str = "TCP") -> dict[str, int]:
    """Parse the line "TCP: inuse 5 orphan 0 tw 2 alloc 7 mem 1" by field; raises SourceError."""
    for line in text.splitlines():
        name, _colon, rest = line.partition(":")
        if name == protocol:
            fields = rest.split()
            pairs = zip(fields[::2], fields[1::2], strict=False)
            return {key: parse_int(f"{NAME} {protocol} {key}", value) for key, value in pairs}
    raise SourceError(NAME, f"no line {protocol}")


MEMORY = "net.ipv4.tcp_mem"


def read_resources(procfs: Path, page_size: int) -> tuple[Resource, ...]:
    """Return the resources whose limits the calling thread's namespace shows; raises SourceError.

    time_wait_buckets: the namespace's TIME_WAIT entries and orphaned FIN_WAIT2 entries.
    orphans, memory_bytes: the whole host's, shown only in the initial namespace; `page_size` in
    bytes is the unit of both memory numbers (used: 4 KiB before Linux 6.0, whatever the page size).
    conntrack_entries: the namespace's; absent without conntrack, or if its limit is 0, meaning
    none.
    """
    # tcp_max_tw_buckets and tcp_max_orphans accept negative numbers: the kernel then allows none.
    # Its sums of per-CPU counts may briefly be below zero.
    found = _resources(procfs, page_size)
    return tuple(Resource(name, max(used, 0), max(limit, 0)) for name, used, limit in found)


def _resources(procfs: Path, page_size: int) -> Iterator[Resource]:
    sockets = read_tcp_sockstat(procfs)
    buckets = read_sysctl_int(procfs, "net.ipv4.tcp_max_tw_buckets")
    yield Resource("time_wait_buckets", _count(sockets, "tw"), buckets)
    orphans = _optional_int(procfs, "net.ipv4.tcp_max_orphans")
    if orphans is not None:
        yield Resource("orphans", _count(sockets, "orphan"), orphans)
    pages = _memory_limit(procfs)
    if pages is not None:
        yield Resource("memory_bytes", _count(sockets, "mem") * page_size, pages * page_size)
    entries = _optional_int(procfs, "net.netfilter.nf_conntrack_count")
    most = _optional_int(procfs, "net.netfilter.nf_conntrack_max")
    if entries is not None and most:
        yield Resource("conntrack_entries", entries, most)


def _count(sockets: dict[str, int], field: str) -> int:
    if field not in sockets:
        raise SourceError("/proc/net/sockstat", f"the line TCP has no field {field}")
    return sockets[field]


def _memory_limit(procfs: Path) -> int | None:
    """Return the last of tcp_mem's three page counts: pressure ends, pressure begins, limit.

    Source: __sk_mem_raise_allocated in net/core/sock.c.
    """
    text = read_sysctl(procfs, MEMORY)
    if text is None:
        return None
    numbers = [parse_int(MEMORY, number) for number in text.split()]
    if len(numbers) != 3:  # noqa: PLR2004 - see above
        raise SourceError(MEMORY, f"expected three numbers, got {text[:40]!r}")
    return numbers[2]


def _optional_int(procfs: Path, name: str) -> int | None:
    text = read_sysctl(procfs, name)
    return None if text is None else parse_int(name, text)


class ProcNumbers:
    """The kernel's numbers. Every question reads afresh and raises SourceError."""

    def __init__(self, procfs: Path) -> None:
        self._procfs = procfs

    def resources(self) -> tuple[Resource, ...]:
        """Return the use and the limit of the kernel's finite resources."""
        return read_resources(self._procfs, PAGESIZE)

    def statistics(self) -> Mapping[str, int]:
        """Return the kernel's counters for TCP, under its own names, and for conntrack."""
        return read_net_statistics(self._procfs) | read_conntrack_statistics(self._procfs)
