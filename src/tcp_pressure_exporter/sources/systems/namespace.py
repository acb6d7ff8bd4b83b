"""One network namespace as a set of questions; each method asks the kernel once."""

import time
from collections.abc import Callable, Mapping, Sequence
from mmap import PAGESIZE
from pathlib import Path
from typing import ClassVar

from tcp_pressure_exporter.facts.canary import CanaryAnswer
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.sockets import BoundSocket, RemoteEnd
from tcp_pressure_exporter.facts.system import LINUX, Resource
from tcp_pressure_exporter.facts.tally import (
    PoolKey,
    PoolSocket,
    PoolTally,
    RowRules,
    SocketTally,
    TallyRules,
)
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.sources.canary.canary import Canary
from tcp_pressure_exporter.sources.conntrack.table import ConntrackTable
from tcp_pressure_exporter.sources.counting.parser import Parser, best_parser
from tcp_pressure_exporter.sources.netlink.diag import DiagSocket
from tcp_pressure_exporter.sources.netlink.entries import (
    INFO_EXTENSION,
    parse_bound_sockets,
    parse_close_wait_ages,
    parse_pool_sockets,
)
from tcp_pressure_exporter.sources.netlink.inet_diag import (
    BOUND_ONLY,
    CLOSE_WAIT,
    LISTENING,
    LIVE,
    NOT_LISTENING,
    filter_attribute,
)
from tcp_pressure_exporter.sources.netlink.socket import Dump
from tcp_pressure_exporter.sources.pacing import Allowance
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

# Finding the few sockets that are bound only means a walk over all sockets. It may take this
# share of one CPU: at every sample on a quiet host, seldom on one with a million sockets.
BOUND_ONLY_SHARE = 0.0005
BOUND_ONLY_MAX_AGE = 60.0  # seconds


class Namespace:
    """Asks the network namespace of the calling thread. Every method raises SourceError.

    system: whose settings these are. shows_queues: whether listeners come with their queues.
    """

    system: str = LINUX
    shows_queues: ClassVar[bool] = True

    def __init__(  # noqa: PLR0913, PLR0917 - the edges of the kernel, each to be replaced in a test
        self,
        procfs: Path = Path("/proc"),
        diag: DiagSocket | None = None,
        clock: Callable[[], float] = time.monotonic,
        parser: Parser | None = None,
        canary: Canary | None = None,
        conntrack: ConntrackTable | None = None,
    ) -> None:
        self._procfs = procfs
        self._diag = diag or DiagSocket()
        self._parser = parser or best_parser()
        self._canary = canary or Canary(procfs)
        self._conntrack = conntrack or ConntrackTable(procfs, self._parser, by_netlink=True)
        self._bound_only: list[BoundSocket] = []
        self._bound_only_allowance = Allowance(BOUND_ONLY_SHARE, BOUND_ONLY_MAX_AGE, clock)

    def port_range(self) -> PortRange:
        """Return the local port range and the reserved ports."""
        return read_port_range(self._procfs)

    def time_wait_reuse(self) -> TimeWaitReuse:
        """Return when a connect() takes over a TIME_WAIT entry."""
        return read_time_wait_reuse(self._procfs)

    def resources(self) -> tuple[Resource, ...]:
        """Return the use and the limit of the kernel's finite resources."""
        return read_resources(self._procfs, PAGESIZE)

    def statistics(self) -> Mapping[str, int]:
        """Return the kernel's counters of TCP, under its own names, and of conntrack."""
        return read_net_statistics(self._procfs) | read_conntrack_statistics(self._procfs)

    def sysctls(self) -> Mapping[str, int]:
        """Return the sysctls that decide TCP pressure, by the last part of their names."""
        return read_tcp_sysctls(self._procfs)

    def bound_sockets(self) -> list[BoundSocket]:
        """Return the listening sockets, and the bound-only ones as of up to 60 s ago.

        Kernels before 6.8 do not tell the bound-only ones.
        """
        if not self._bound_only_allowance.due():
            return self._diag.ask(LISTENING, _bound_sockets) + self._bound_only
        with self._bound_only_allowance.spend():
            bound = self._diag.ask(LISTENING | BOUND_ONLY, _bound_sockets)
        self._bound_only = [socket for socket in bound if not socket.listening]
        return bound

    def tally(self, rules: TallyRules) -> SocketTally:
        """Return the aggregates over all sockets that are not listening."""
        return self._diag.ask(NOT_LISTENING, lambda dump: self._parser.tally(dump, rules))

    def translated(self, rules: RowRules) -> PoolTally:
        """Return the NAT pools: the connections whose source this host translates."""
        return self._conntrack.tally(rules)

    def close_wait_ages(self) -> dict[bytes, float]:
        """Return the least age in seconds of each socket in CLOSE_WAIT, by its cookie."""
        return self._diag.ask(CLOSE_WAIT, _close_wait_ages, extensions=INFO_EXTENSION)

    def pool_sockets(self, remotes: Sequence[RemoteEnd]) -> list[PoolSocket]:
        """Return the live sockets towards some remote ends (sources/netlink/entries.py)."""
        return self._diag.ask(LIVE, _pool_sockets, attribute=filter_attribute(remotes))

    def probe(self, key: PoolKey, *, reuse: bool, free_ports: int) -> CanaryAnswer:
        """Return whether a connect() of an outbound pool would find a port (sources/canary/)."""
        return self._canary.probe(key, reuse=reuse, free_ports=free_ports)

    def hidden_ports(self, held_ports: int) -> tuple[int, int]:
        """Return of how many ports that sockets hold how many are hidden (sources/canary/)."""
        return self._canary.hidden_ports(held_ports)

    def close(self) -> None:
        """Close the netlink sockets."""
        self._diag.close()
        self._conntrack.close()


def _bound_sockets(dump: Dump) -> list[BoundSocket]:
    return parse_bound_sockets(dump.contents(), dump.sequence)


def _close_wait_ages(dump: Dump) -> dict[bytes, float]:
    return parse_close_wait_ages(dump.contents(), dump.sequence)


def _pool_sockets(dump: Dump) -> list[PoolSocket]:
    return parse_pool_sockets(dump.contents(), dump.sequence)
