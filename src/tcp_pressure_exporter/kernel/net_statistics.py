"""/proc/net/netstat and /proc/net/snmp: what the kernel's TCP has counted (net/ipv4/proc.c)."""

from collections.abc import Iterable
from pathlib import Path

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.kernel.proc_file import read_proc_file
from tcp_pressure_exporter.kernel.sysctl import NUMBER, parse_int

FILES = {"TcpExt": "netstat", "Tcp": "snmp"}  # by protocol; no name is in both
MAX_BYTES = 65_536  # they are a few KiB


def read_net_statistics(procfs: Path) -> dict[str, int]:
    """Return the numbers of TcpExt and Tcp by the kernel's own names; raises SourceError.

    They cover both families in the network namespace of the calling thread, since it was created.
    CurrEstab is a gauge, RtoAlgorithm, RtoMin, RtoMax and MaxConn are constants, the rest counters.
    """
    counters: dict[str, int] = {}
    for protocol, file in FILES.items():
        counters |= parse_net_statistics(_read(procfs, file), protocol)
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
    # /proc/net would be the namespace of the process's first thread, not of this one.
    text = read_proc_file(operation, f"{procfs}/thread-self/net/{file}", MAX_BYTES)
    if text is None:
        raise SourceError(operation, "absent")
    return text
