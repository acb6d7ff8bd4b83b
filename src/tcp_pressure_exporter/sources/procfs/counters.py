"""The counters of the kernel's TCP and conntrack: netstat, snmp and stat/nf_conntrack.

Source: net/ipv4/proc.c; net/netfilter/nf_conntrack_standalone.c, ct_cpu_seq_show: there a line of
names, then a line of hexadecimal numbers for each CPU.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.procfs.files import NUMBER, parse_int, read_proc_file

FILES = {"TcpExt": "netstat", "Tcp": "snmp"}  # by protocol; no name is in two of them
MPTCP = "MPTcpExt"  # in TcpExt's file, if the kernel has MPTCP (net/mptcp/mib.c)
MAX_BYTES = 65_536  # they are a few KiB


def read_net_statistics(procfs: Path) -> dict[str, int]:
    """Return the numbers of TcpExt, Tcp and MPTcpExt by the kernel's own names.

    Those of MPTcpExt are missing if the kernel has no MPTCP. Raises SourceError.

    They cover both families in the calling thread's network namespace, since it was created.
    CurrEstab and MPCurrEstab are gauges, RtoAlgorithm, RtoMin, RtoMax and MaxConn are constants,
    the rest counters.
    """
    counters: dict[str, int] = {}
    for protocol, file in FILES.items():
        text = _read(procfs, file)
        counters |= parse_net_statistics(text, protocol)
        if f"{MPTCP}: " in text:
            counters |= parse_net_statistics(text, MPTCP)
    return counters


def parse_net_statistics(text: str, protocol: str) -> dict[str, int]:
    """Parse the two lines "TcpExt: TW TWKilled" and "TcpExt: 5 0" by name; raises SourceError."""
    operation = f"{protocol} counters"
    lines = [line.split()[1:] for line in text.splitlines() if line.startswith(f"{protocol}: ")]
    if len(lines) != 2:  # noqa: PLR2004 - names and values
        raise SourceError(operation, f"expected two lines, got {len(lines)}")
    names, values = lines
    if len(names) != len(values):
        raise SourceError(operation, f"{len(names)} names, {len(values)} values")
    return dict(zip(names, _numbers(operation, names, values), strict=True))


def _numbers(operation: str, names: list[str], values: list[str]) -> Iterable[int]:
    if all(map(NUMBER.fullmatch, values)):
        return map(int, values)
    pairs = zip(names, values, strict=True)
    return [parse_int(f"{operation} {name}", value) for name, value in pairs]


def _read(procfs: Path, file: str) -> str:
    operation = f"/proc/net/{file}"
    # /proc/net would show the namespace of the process's first thread, not of this one.
    text = read_proc_file(operation, f"{procfs}/thread-self/net/{file}", MAX_BYTES)
    if text is None:
        raise SourceError(operation, "absent")
    return text


CONNTRACK = "/proc/net/stat/nf_conntrack"
MAX_CONNTRACK_BYTES = 2_097_152  # with 8,192 CPUs, the most a kernel is built for, it is 1.3 MB
CONNTRACK_PREFIX = "nf_conntrack_"
CONNTRACK_ENTRIES = "entries"  # not a counter: each line repeats the number of entries
HEX_NUMBER = re.compile("[0-9a-f]{1,16}")  # 32 bits, and room for more


def read_conntrack_statistics(procfs: Path) -> dict[str, int]:
    """Return the counters since the namespace was created, by nf_conntrack_ + the kernel's names.

    They are those of the calling thread's network namespace, for all protocols. Empty if the kernel
    has no conntrack. Each CPU's counter wraps at 2^32. Raises SourceError.
    """
    path = f"{procfs}/thread-self/net/stat/nf_conntrack"
    text = read_proc_file(CONNTRACK, path, MAX_CONNTRACK_BYTES, in_records=True)
    return {} if text is None else parse_conntrack_statistics(text)


def parse_conntrack_statistics(text: str) -> dict[str, int]:
    """Add up the columns over the CPUs; raises SourceError."""
    names, *lines = [line.split() for line in text.splitlines()] or [[]]
    totals = [sum(column) for column in zip(*_hex_numbers(names, lines), strict=True)]
    return {
        CONNTRACK_PREFIX + name: total
        for name, total in zip(names, totals or [0] * len(names), strict=True)
        if name != CONNTRACK_ENTRIES
    }


def _hex_numbers(names: list[str], lines: list[list[str]]) -> Iterator[list[int]]:
    for line in lines:
        if len(line) != len(names):
            raise SourceError(CONNTRACK, f"{len(names)} names, {len(line)} values")
        for value in line:
            if HEX_NUMBER.fullmatch(value) is None:
                raise SourceError(CONNTRACK, f"expected a number in hex, got {value[:40]!r}")
        yield [int(value, 16) for value in line]
