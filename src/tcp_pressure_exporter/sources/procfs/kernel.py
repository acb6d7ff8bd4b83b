"""Linux's settings and numbers from /proc, for the network namespace of the calling thread."""

from collections.abc import Mapping
from mmap import PAGESIZE
from pathlib import Path

from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.system import LINUX, Resource
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.sources.procfs.counters import (
    read_conntrack_statistics,
    read_net_statistics,
)
from tcp_pressure_exporter.sources.procfs.resources import read_resources
from tcp_pressure_exporter.sources.procfs.settings import (
    read_port_range,
    read_tcp_sysctls,
    read_time_wait_reuse,
)


class ProcSettings:
    """The sysctls. Every question reads anew and raises SourceError."""

    system = LINUX

    def __init__(self, procfs: Path) -> None:
        self._procfs = procfs

    def port_range(self) -> PortRange:
        """Return the local port range and the reserved ports."""
        return read_port_range(self._procfs)

    def time_wait_reuse(self) -> TimeWaitReuse:
        """Return when a connect() takes over a TIME_WAIT entry."""
        return read_time_wait_reuse(self._procfs)

    def sysctls(self) -> Mapping[str, int]:
        """Return the sysctls that decide TCP pressure, by the last part of their names."""
        return read_tcp_sysctls(self._procfs)


class ProcNumbers:
    """What the kernel counts. Every question reads anew and raises SourceError."""

    def __init__(self, procfs: Path) -> None:
        self._procfs = procfs

    def resources(self) -> tuple[Resource, ...]:
        """Return the use and the limit of the kernel's finite resources."""
        return read_resources(self._procfs, PAGESIZE)

    def statistics(self) -> Mapping[str, int]:
        """Return the kernel's counters of TCP, under its own names, and of conntrack."""
        return read_net_statistics(self._procfs) | read_conntrack_statistics(self._procfs)
