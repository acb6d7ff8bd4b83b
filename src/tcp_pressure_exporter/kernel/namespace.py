"""One network namespace as a set of questions; each method asks the kernel once."""

import time
from collections.abc import Callable
from pathlib import Path

from tcp_pressure_exporter.kernel.bound_sockets import BoundSocket, parse_bound_sockets
from tcp_pressure_exporter.kernel.canary import Canary, Verdict
from tcp_pressure_exporter.kernel.diag_socket import DiagSocket, Dump
from tcp_pressure_exporter.kernel.errors import SourceError
from tcp_pressure_exporter.kernel.inet_diag import BOUND_ONLY, LISTENING, NOT_LISTENING
from tcp_pressure_exporter.kernel.parser import Parser, best_parser
from tcp_pressure_exporter.kernel.port_range import PortRange, read_port_range
from tcp_pressure_exporter.kernel.sockstat import read_tcp_sockstat
from tcp_pressure_exporter.kernel.sysctl import read_sysctl_int
from tcp_pressure_exporter.kernel.tally import PoolKey, SocketTally, TallyRules
from tcp_pressure_exporter.kernel.time_wait import TimeWaitReuse, read_time_wait_reuse

# Finding the few sockets that are bound only means a walk over all sockets. It may take this
# share of one CPU: at every sample on a quiet host, seldom on one with a million sockets.
BOUND_ONLY_SHARE = 0.0005
BOUND_ONLY_MAX_AGE = 60.0  # seconds


class Namespace:
    """Asks the network namespace of the calling thread. Every method raises SourceError."""

    def __init__(
        self,
        procfs: Path = Path("/proc"),
        diag: DiagSocket | None = None,
        clock: Callable[[], float] = time.monotonic,
        parser: Parser | None = None,
        canary: Canary | None = None,
    ) -> None:
        self._procfs = procfs
        self._diag = diag or DiagSocket()
        self._parser = parser or best_parser()
        self._canary = canary or Canary(procfs)
        self._clock = clock
        self._bound_only: list[BoundSocket] = []
        self._bound_only_due = clock()

    def port_range(self) -> PortRange:
        """Return the local port range and the reserved ports."""
        return read_port_range(self._procfs)

    def time_wait_reuse(self) -> TimeWaitReuse:
        """Return when a connect() takes over a TIME_WAIT entry."""
        return read_time_wait_reuse(self._procfs)

    def time_wait_buckets(self) -> tuple[int, int]:
        """Return the TIME_WAIT entries of the namespace and how many it may have."""
        limit = read_sysctl_int(self._procfs, "net.ipv4.tcp_max_tw_buckets")
        fields = read_tcp_sockstat(self._procfs)
        if "tw" not in fields:
            raise SourceError("/proc/net/sockstat", "the line TCP has no field tw")
        return fields["tw"], limit

    def bound_sockets(self) -> list[BoundSocket]:
        """Return the listening sockets, and the bound-only ones as of up to 60 s ago.

        Kernels before 6.8 do not tell the bound-only ones.
        """
        start = self._clock()
        if start < self._bound_only_due:
            return self._diag.ask(LISTENING, _bound_sockets) + self._bound_only
        bound = self._diag.ask(LISTENING | BOUND_ONLY, _bound_sockets)
        pause = min((self._clock() - start) / BOUND_ONLY_SHARE, BOUND_ONLY_MAX_AGE)
        self._bound_only_due = start + pause
        self._bound_only = [socket for socket in bound if not socket.listening]
        return bound

    def tally(self, rules: TallyRules) -> SocketTally:
        """Return the aggregates over all sockets that are not listening."""
        return self._diag.ask(NOT_LISTENING, lambda dump: self._parser.tally(dump, rules))

    def probe(self, key: PoolKey, *, reuse: bool, free_ports: int) -> Verdict:
        """Return whether a connect() of an outbound pool would find a port (kernel/canary.py)."""
        return self._canary.probe(key, reuse=reuse, free_ports=free_ports)

    def hidden_ports(self, held_ports: int) -> tuple[int, int]:
        """Return of how many ports that sockets hold how many are hidden (kernel/canary.py)."""
        return self._canary.hidden_ports(held_ports)

    def close(self) -> None:
        """Close the netlink socket."""
        self._diag.close()


def _bound_sockets(dump: Dump) -> list[BoundSocket]:
    contents = (datagram.content for datagram in dump.datagrams())
    return parse_bound_sockets(contents, dump.sequence)
