"""Sockets through psutil, and the settings of a system that is not Linux."""

import time
from collections.abc import Callable, Mapping

from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.sockets import TCP_TIME_WAIT
from tcp_pressure_exporter.facts.system import SystemFacts
from tcp_pressure_exporter.facts.tally import SocketTally, TallyRules
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse, same_length
from tcp_pressure_exporter.sources.counting.bound import tally_bound
from tcp_pressure_exporter.sources.pacing import Remembered
from tcp_pressure_exporter.sources.portable.sockets import (
    ObservedAges,
    PortableSocket,
    bound_sockets,
    read_portable_sockets,
)
from tcp_pressure_exporter.sources.portable.tally import (
    TimeWaitView,
    tally_portable_sockets,
    without_time_wait,
)

SETTINGS_SECONDS = 60.0  # reading them starts a program, and they hardly ever change

ReadSockets = Callable[[], list[PortableSocket]]


class PortableSockets:
    """Asks psutil for the sockets in the process's network namespace, once per sample.

    shows_time_wait: whether the system lists sockets in TIME_WAIT. Every question raises
    SourceError.
    """

    def __init__(
        self,
        read: ReadSockets = read_portable_sockets,
        clock: Callable[[], float] = time.monotonic,
        *,
        shows_time_wait: bool = True,
    ) -> None:
        self._read = read
        self._clock = clock
        self._shows_time_wait = shows_time_wait
        self._ages = ObservedAges()
        self._sockets: list[PortableSocket] | None = None

    def bound_sockets(self, rules: BoundRules) -> BoundTally:
        """Return the listening sockets, and those only bound if the system shows them."""
        self._sockets = None
        self._sockets = self._read()
        return tally_bound(bound_sockets(self._sockets), rules)

    def tally(self, rules: TallyRules) -> SocketTally:
        """Return the aggregates over all sockets but listeners, from what `bound_sockets` read."""
        sockets = self._read() if self._sockets is None else self._sockets
        self._sockets = None
        now_ms = int(self._clock() * 1000)
        waiting = (socket for socket in sockets if socket.state == TCP_TIME_WAIT)
        began_ms = self._ages.seen(waiting, now_ms)
        complete = self._ages.complete(rules.reuse.hold)
        tally = tally_portable_sockets(sockets, rules, TimeWaitView(now_ms, began_ms, complete))
        return tally if self._shows_time_wait else without_time_wait(tally)

    def close(self) -> None:
        """Do nothing: psutil opens what it needs for each list."""


class SystemSettings:
    """A system's settings, as of up to a minute ago. Every question raises SourceError."""

    def __init__(self, facts: SystemFacts, clock: Callable[[], float] = time.monotonic) -> None:
        self.system = facts.name
        self._port_range = Remembered(facts.port_range, SETTINGS_SECONDS, clock)
        self._hold = Remembered(facts.time_wait_seconds, SETTINGS_SECONDS, clock)
        self._settings = Remembered(facts.settings, SETTINGS_SECONDS, clock)

    def port_range(self) -> PortRange:
        """Return the ports that the system gives out."""
        return self._port_range.get()

    def time_wait_reuse(self) -> TimeWaitReuse:
        """Return how long TIME_WAIT holds a port; whether connect() takes one over is not known."""
        lengths = same_length(round(1000 * self._hold.get()))
        return TimeWaitReuse(
            everywhere=False, on_loopback=False, lengths=lengths, tick=0.0, told=False
        )

    def sysctls(self) -> Mapping[str, int]:
        """Return the settings under the system's own names."""
        return self._settings.get()
