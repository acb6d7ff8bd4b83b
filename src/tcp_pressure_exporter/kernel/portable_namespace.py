"""Linux where netlink is denied: the sockets as psutil lists them, all else from /proc as ever."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from tcp_pressure_exporter.facts.sockets import TCP_TIME_WAIT, BoundSocket
from tcp_pressure_exporter.facts.tally import SocketTally, TallyRules
from tcp_pressure_exporter.kernel.conntrack_table import ConntrackTable
from tcp_pressure_exporter.kernel.namespace import Namespace
from tcp_pressure_exporter.kernel.observed_ages import ObservedAges
from tcp_pressure_exporter.kernel.portable_sockets import (
    PortableSocket,
    bound_sockets,
    read_portable_sockets,
)
from tcp_pressure_exporter.kernel.portable_tally import TimeWaitView, tally_portable_sockets

ReadSockets = Callable[[], list[PortableSocket]]


class PortableNamespace(Namespace):
    """Asks psutil for the sockets of the process's network namespace, once for a sample.

    What netlink alone tells must not be asked: `UNTOLD` (kernel/portable_systems.py).
    """

    shows_queues: ClassVar[bool] = False
    shows_time_wait: bool = True

    def __init__(
        self,
        procfs: Path = Path("/proc"),
        conntrack: ConntrackTable | None = None,
        read: ReadSockets = read_portable_sockets,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(procfs, conntrack=conntrack)
        self._read = read
        self._portable_clock = clock
        self._ages = ObservedAges()
        self._sockets: list[PortableSocket] | None = None

    def bound_sockets(self) -> list[BoundSocket]:
        """Return the listening sockets; bound-only ones where the system shows them."""
        self._sockets = None
        self._sockets = self._read()
        return bound_sockets(self._sockets)

    def tally(self, rules: TallyRules) -> SocketTally:
        """Return the aggregates over all sockets but listeners: those `bound_sockets` has read."""
        sockets = self._read() if self._sockets is None else self._sockets
        self._sockets = None
        now_ms = int(self._portable_clock() * 1000)
        waiting = (socket for socket in sockets if socket.state == TCP_TIME_WAIT)
        began_ms = self._ages.seen(waiting, now_ms)
        complete = self._ages.complete(rules.reuse.hold)
        view = TimeWaitView(now_ms, began_ms, complete, self.shows_time_wait)
        return tally_portable_sockets(sockets, rules, view)
