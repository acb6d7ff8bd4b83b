"""/proc/net/sockstat: how many sockets the kernel counts itself (net/ipv4/proc.c)."""

from pathlib import Path

from tcp_pressure_exporter.kernel.errors import SourceError
from tcp_pressure_exporter.kernel.proc_file import read_proc_file
from tcp_pressure_exporter.kernel.sysctl import parse_int

NAME = "/proc/net/sockstat"
MAX_BYTES = 65_536  # it is a few lines


def read_tcp_sockstat(procfs: Path) -> dict[str, int]:
    """Return the fields of the TCP line (inuse, orphan, tw, alloc, mem); raises SourceError."""
    # /proc/net would be the namespace of the process's first thread, not of this one.
    text = read_proc_file(NAME, f"{procfs}/thread-self/net/sockstat", MAX_BYTES)
    if text is None:
        raise SourceError(NAME, "absent")
    return parse_tcp_sockstat(text)


def parse_tcp_sockstat(text: str) -> dict[str, int]:
    """Parse the line "TCP: inuse 5 orphan 0 tw 2 alloc 7 mem 1" by field; raises SourceError."""
    for line in text.splitlines():
        protocol, _colon, rest = line.partition(":")
        if protocol == "TCP":
            fields = rest.split()
            pairs = zip(fields[::2], fields[1::2], strict=False)
            return {name: parse_int(f"{NAME} TCP {name}", value) for name, value in pairs}
    raise SourceError(NAME, "no line TCP")
