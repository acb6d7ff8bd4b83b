"""/proc/net/sockstat: how many sockets the kernel counts itself.

Source: net/ipv4/proc.c, sockstat_seq_show, and net/ipv6/proc.c, sockstat6_seq_show.
"""

from pathlib import Path

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.kernel.proc_file import read_proc_file
from tcp_pressure_exporter.kernel.sysctl import parse_int

NAME = "/proc/net/sockstat"
NAME6 = "/proc/net/sockstat6"
MAX_BYTES = 65_536  # it is a few lines


def read_tcp_sockstat(procfs: Path) -> dict[str, int]:
    """Return the fields of the TCP line (inuse, orphan, tw, alloc, mem); raises SourceError."""
    # /proc/net would be the namespace of the process's first thread, not of this one.
    text = read_proc_file(NAME, f"{procfs}/thread-self/net/sockstat", MAX_BYTES)
    if text is None:
        raise SourceError(NAME, "absent")
    return parse_tcp_sockstat(text)


def count_tcp_sockets(procfs: Path, process: str = "thread-self") -> int | None:
    """Return the TCP sockets of a process's network namespace, those in TIME_WAIT included.

    Without those that are bound only, and connections that are half open. process: a process id.
    None where it has ended; raises SourceError.
    """
    text = read_proc_file(NAME, f"{procfs}/{process}/net/sockstat", MAX_BYTES)
    if text is None:
        return None
    # Absent where the kernel has no IPv6. Its sockets are counted there, but for TIME_WAIT.
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
