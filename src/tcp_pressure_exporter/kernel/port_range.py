"""The ports that connect() and bind(port 0) choose from: the range and what is reserved in it.

Source: Documentation/networking/ip-sysctl.rst, ip_local_port_range and ip_local_reserved_ports.
"""

import re
from pathlib import Path

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import MAX_PORT, PortRange, port_range
from tcp_pressure_exporter.kernel.sysctl import read_sysctl

PORT = re.compile("[0-9]{1,5}")
RANGE = "net.ipv4.ip_local_port_range"
RESERVED = "net.ipv4.ip_local_reserved_ports"
RESERVED_BYTES = 262_144  # the longest, every second port by itself, has 191 kB


def read_port_range(procfs: Path) -> PortRange:
    """Read both sysctls; raises SourceError. Kernels before 2.6.35 reserve nothing."""
    text = read_sysctl(procfs, RANGE)
    if text is None:
        raise SourceError(RANGE, "absent")
    low, high = parse_port_range(text)
    return PortRange(
        low, high, parse_reserved_ports(read_sysctl(procfs, RESERVED, RESERVED_BYTES) or "")
    )


def parse_port_range(text: str) -> tuple[int, int]:
    """Parse "low<white space>high"; raises SourceError."""
    fields = text.split()
    if len(fields) != 2:  # noqa: PLR2004 - low and high
        raise SourceError(RANGE, f"expected two ports, got {text[:40]!r}")
    low, high = (_parse_port(RANGE, field) for field in fields)
    if low > high:
        raise SourceError(RANGE, f"{low} is above {high}")
    return low, high


def parse_reserved_ports(text: str) -> int:
    """Parse "40002-40003,50000" into the set of ports; raises SourceError."""
    reserved = 0
    for item in filter(None, text.strip().split(",")):
        first, dash, last = item.partition("-")
        low = _parse_port(RESERVED, first)
        high = _parse_port(RESERVED, last) if dash else low
        if low > high:
            raise SourceError(RESERVED, f"{low} is above {high}")
        reserved |= port_range(low, high)
    return reserved


def _parse_port(name: str, text: str) -> int:
    if PORT.fullmatch(text) is None or int(text) > MAX_PORT:
        raise SourceError(name, f"expected a port, got {text[:40]!r}")
    return int(text)
