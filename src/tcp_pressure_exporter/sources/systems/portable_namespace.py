"""Systems without netlink, as a set of questions: psutil's sockets, the system's own settings."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, NoReturn

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.sockets import TCP_TIME_WAIT, BoundSocket
from tcp_pressure_exporter.facts.system import Resource, SystemFacts
from tcp_pressure_exporter.facts.tally import SocketTally, TallyRules
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.sources.conntrack.table import ConntrackTable
from tcp_pressure_exporter.sources.pacing import Remembered
from tcp_pressure_exporter.sources.portable.sockets import (
    ObservedAges,
    PortableSocket,
    bound_sockets,
    read_portable_sockets,
)
from tcp_pressure_exporter.sources.portable.tally import TimeWaitView, tally_portable_sockets
from tcp_pressure_exporter.sources.systems.namespace import Namespace

ReadSockets = Callable[[], list[PortableSocket]]


class PortableNamespace(Namespace):
    """Asks psutil for the sockets of the process's network namespace, once for a sample.

    What netlink alone tells must not be asked: `UNTOLD` (sources/systems/portable_systems.py).
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


SETTINGS_SECONDS = 60.0  # a program is started for them, and they hardly ever change


class ForeignNamespace(PortableNamespace):
    """The whole host: it has no network namespaces, or psutil does not look into others."""

    def __init__(
        self,
        facts: SystemFacts,
        read: ReadSockets = read_portable_sockets,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(read=read, clock=clock)
        self.system = facts.name
        self.shows_time_wait = facts.shows_time_wait
        self._port_range = Remembered(facts.port_range, SETTINGS_SECONDS, clock)
        self._hold = Remembered(facts.time_wait_seconds, SETTINGS_SECONDS, clock)
        self._settings = Remembered(facts.settings, SETTINGS_SECONDS, clock)

    def port_range(self) -> PortRange:
        """Return the ports that the system gives out, as of up to a minute ago."""
        return self._port_range.get()

    def time_wait_reuse(self) -> TimeWaitReuse:
        """Return how long TIME_WAIT holds a port; whether connect() takes one over is not told."""
        hold = self._hold.get()
        return TimeWaitReuse(everywhere=False, on_loopback=False, hold=hold, told=False)

    def sysctls(self) -> Mapping[str, int]:
        """Return the system's settings, under its own names."""
        return self._settings.get()

    def resources(self) -> tuple[Resource, ...]:
        """Raise SourceError: Linux alone tells them."""
        self._untold("resources")

    def statistics(self) -> Mapping[str, int]:
        """Raise SourceError: Linux alone tells them."""
        self._untold("statistics")

    def _untold(self, what: str) -> NoReturn:
        raise SourceError(what, f"not told by this system ({self.system})")
