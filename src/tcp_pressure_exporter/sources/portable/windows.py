"""Windows: TIME_WAIT from the registry, the dynamic port range and its exclusions from netsh.

Source: Microsoft's description of TcpTimedWaitDelay (30 to 300 seconds) and KB929851 (the dynamic
port range since Windows Vista and Server 2008, which replaces MaxUserPort).
"""

import os
import re
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import MAX_PORT, PortRange, port_range
from tcp_pressure_exporter.facts.system import (
    LEAST_DELAY,
    MAX_USER_PORT,
    MOST_DELAY,
    TIMED_WAIT_DELAY,
    WINDOWS,
)
from tcp_pressure_exporter.sources.portable.command import Run, run_command

PARAMETERS = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
DEFAULT_DELAY, OLD_DEFAULT_DELAY = 120, 240
SERVER_2003 = (5, 2)  # since this version, the default is the lower one

# netsh prints in the system's language, so only the shape of its lines is reliable: "words :
# number", and two columns of numbers, some with a star at the end.
LABELLED_NUMBER = re.compile(r"^[^:\n]*:[ \t]*([0-9]+)[ \t\r]*$", re.MULTILINE)
TWO_NUMBERS = re.compile(r"^[ \t]*([0-9]+)[ \t]+([0-9]+)[ \t]*\*?[ \t\r]*$", re.MULTILINE)

ReadValue = Callable[[str], int | None]


class WindowsFacts:
    """Asks Windows; version: its major and minor numbers."""

    name = WINDOWS
    shows_time_wait = True

    def __init__(
        self,
        read: ReadValue | None = None,
        run: Run = run_command,
        version: tuple[int, int] = (10, 0),
    ) -> None:
        self._read = read or read_parameter
        self._run = run
        self._version = version

    def port_range(self) -> PortRange:
        """Return the dynamic port range of IPv4, with the excluded ranges as reserved ports."""
        low, high = parse_dynamic_ports(self._netsh("dynamicport", "tcp"))
        reserved = parse_excluded_ports(self._netsh("excludedportrange", "protocol=tcp"))
        return PortRange(low, high, reserved, in_pairs=False)

    def time_wait_seconds(self) -> float:
        """Return TcpTimedWaitDelay, within its bounds."""
        return float(min(max(self._timed_wait_delay(), LEAST_DELAY), MOST_DELAY))

    def settings(self) -> Mapping[str, int]:
        """Return TcpTimedWaitDelay, or its default, and MaxUserPort where it is set."""
        found = {TIMED_WAIT_DELAY: self._timed_wait_delay()}
        most = self._read(MAX_USER_PORT)
        return found if most is None else found | {MAX_USER_PORT: most}

    def _timed_wait_delay(self) -> int:
        value = self._read(TIMED_WAIT_DELAY)
        if value is not None:
            return value
        return DEFAULT_DELAY if self._version >= SERVER_2003 else OLD_DEFAULT_DELAY

    def _netsh(self, *question: str) -> str:
        return self._run([netsh_path(os.environ), "int", "ipv4", "show", *question])


def netsh_path(environ: Mapping[str, str]) -> str:
    """Return the full path of netsh, so that one in the current folder is never run."""
    return environ.get("SystemRoot", r"C:\Windows") + r"\System32\netsh.exe"


def running_version() -> tuple[int, int]:
    """Return the version of the running Windows."""
    version: Any = getattr(sys, "getwindowsversion")()  # noqa: B009 - typeshed: Windows only
    return version.major, version.minor


def read_parameter(name: str) -> int | None:
    """Return a number of TCP/IP's parameters in the registry, None where it is not set.

    Raises SourceError if it cannot be read, or is not a number.
    """
    winreg: Any = import_module("winreg")  # typeshed knows its names on Windows only
    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, PARAMETERS) as key:
            value, _kind = winreg.QueryValueEx(key, name)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SourceError(name, error.strerror or str(error)) from error
    if not isinstance(value, int):
        raise SourceError(name, f"expected a number in the registry, got {str(value)[:40]!r}")
    return value


def parse_dynamic_ports(text: str) -> tuple[int, int]:
    """Parse `netsh int ipv4 show dynamicport tcp`: the first port, and how many; SourceError.

    Returns the first and the last port.
    """
    numbers = [int(number[:9]) for number in LABELLED_NUMBER.findall(text)]
    if len(numbers) != 2:  # noqa: PLR2004 - see above
        raise SourceError("netsh dynamicport", f"expected two numbers, got {text.strip()[:80]!r}")
    first, count = numbers
    last = first + count - 1
    if not 0 < first <= last <= MAX_PORT:
        raise SourceError("netsh dynamicport", f"{count} ports from {first} on")
    return first, last


def parse_excluded_ports(text: str) -> int:
    """Parse `netsh int ipv4 show excludedportrange protocol=tcp` into a set; SourceError."""
    excluded = 0
    for first, last in TWO_NUMBERS.findall(text):
        low, high = int(first[:9]), int(last[:9])
        if not low <= high <= MAX_PORT:
            raise SourceError("netsh excludedportrange", f"{low} to {high}")
        excluded |= port_range(low, high)
    return excluded
