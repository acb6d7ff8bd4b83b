"""/proc/net/stat/nf_conntrack: what conntrack has counted.

A line of names, then a line of hexadecimal numbers for each CPU.
Source: net/netfilter/nf_conntrack_standalone.c, ct_cpu_seq_show.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.kernel.proc_file import read_proc_file

NAME = "/proc/net/stat/nf_conntrack"
MAX_BYTES = 2_097_152  # of 8,192 CPUs, the most that a kernel is built for, it is 1.3 MB
PREFIX = "nf_conntrack_"
ENTRIES = "entries"  # no counter: each line repeats the number of entries
NUMBER = re.compile("[0-9a-f]{1,16}")  # 32 bits, and room for more


def read_conntrack_statistics(procfs: Path) -> dict[str, int]:
    """Return the counters since the namespace was made, the kernel's names behind nf_conntrack_.

    They are those of the calling thread's network namespace, for all protocols. Empty where the
    kernel has no conntrack. Each CPU's counter begins again at 2^32. Raises SourceError.
    """
    path = f"{procfs}/thread-self/net/stat/nf_conntrack"
    text = read_proc_file(NAME, path, MAX_BYTES, in_records=True)
    return {} if text is None else parse_conntrack_statistics(text)


def parse_conntrack_statistics(text: str) -> dict[str, int]:
    """Add up the columns over the CPUs; raises SourceError."""
    names, *lines = [line.split() for line in text.splitlines()] or [[]]
    totals = [sum(column) for column in zip(*_numbers(names, lines), strict=True)]
    return {
        PREFIX + name: total
        for name, total in zip(names, totals or [0] * len(names), strict=True)
        if name != ENTRIES
    }


def _numbers(names: list[str], lines: list[list[str]]) -> Iterator[list[int]]:
    for line in lines:
        if len(line) != len(names):
            raise SourceError(NAME, f"{len(names)} names, {len(line)} values")
        for value in line:
            if NUMBER.fullmatch(value) is None:
                raise SourceError(NAME, f"expected a number in hex, got {value[:40]!r}")
        yield [int(value, 16) for value in line]
