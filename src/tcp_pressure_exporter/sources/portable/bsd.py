"""FreeBSD, DragonFly, OpenBSD and macOS: TCP settings, from sysctl.

Source: sysctl variables net.inet.tcp.msl (tcp(4)) and net.inet.ip.portrange (ip(4)) of FreeBSD,
which DragonFly and macOS share; OpenBSD's sysctl(2), net.inet.ip.portfirst, and TCPTV_MSL in
its sys/netinet/tcp_timer.h.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import MAX_PORT, PortRange
from tcp_pressure_exporter.sources.portable.command import Run, run_command
from tcp_pressure_exporter.sources.procfs.files import parse_int

LINE = re.compile(r"^([a-z0-9._]+)[ \t]*[:=][ \t]*(\S+)[ \t\r]*$", re.MULTILINE)
PREFIX = "net.inet."


class Variables(NamedTuple):
    """The names of sysctl variables below net.inet; msl in milliseconds, or None if it is fixed."""

    first: str
    last: str
    msl: str | None


FREEBSD_NAMES = Variables("ip.portrange.first", "ip.portrange.last", "tcp.msl")
OPENBSD_NAMES = Variables("ip.portfirst", "ip.portlast", None)
OPENBSD_MSL_MS = 30_000


class BsdFacts:
    """Asks a BSD; program: where its sysctl is."""

    # psutil lists only sockets that a process has open, and none has one in TIME_WAIT open.
    shows_time_wait = False

    def __init__(
        self, name: str, variables: Variables, program: str, run: Run = run_command
    ) -> None:
        self.name = name
        self._variables = variables
        self._program = program
        self._run = run

    def port_range(self) -> PortRange:
        """Return the ports given out by default."""
        found = self._ask()
        low, high = found[self._variables.first], found[self._variables.last]
        if low > high:  # then the system goes through the range downwards
            low, high = high, low
        if not 0 < low <= high <= MAX_PORT:
            raise SourceError(PREFIX + self._variables.first, f"ports from {low} to {high}")
        return PortRange(low, high, 0, in_pairs=False)

    def time_wait_seconds(self) -> float:
        """Return twice the maximum segment lifetime, at least a second."""
        msl = self._variables.msl
        return max(2 * (self._ask()[msl] if msl else OPENBSD_MSL_MS) / 1000, 1.0)

    def settings(self) -> Mapping[str, int]:
        """Return the variables by their names after net.inet, with underscores for dots."""
        return {name.replace(".", "_"): value for name, value in self._ask().items()}

    def _ask(self) -> dict[str, int]:
        names = [PREFIX + name for name in self._variables if name]
        values = parse_sysctl(self._run([self._program, *names]))
        missing = [name for name in names if name not in values]
        if missing:
            raise SourceError(missing[0], "absent")
        return {name.removeprefix(PREFIX): values[name] for name in names}


def parse_sysctl(text: str) -> dict[str, int]:
    """Parse lines of "name: value" (FreeBSD, macOS) or "name=value" (OpenBSD); SourceError."""
    return {name: parse_int(name, value) for name, value in LINE.findall(text)}
