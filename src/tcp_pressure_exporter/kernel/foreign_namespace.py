"""A system other than Linux, as a set of questions: psutil's sockets, the system's own settings."""

import time
from collections.abc import Callable, Mapping
from typing import NoReturn

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.system import Resource, SystemFacts
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.kernel.portable_namespace import PortableNamespace, ReadSockets
from tcp_pressure_exporter.kernel.portable_sockets import read_portable_sockets
from tcp_pressure_exporter.kernel.remembered import Remembered

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
