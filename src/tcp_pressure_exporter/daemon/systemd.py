"""Tells systemd how the service is doing, by the protocol of sd_notify(3).

The protocol is lines of KEY=value in one datagram, so it takes no library.
"""

import math
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

from tcp_pressure_exporter.escaping import escape_controls

SEND_SECONDS = 1.0  # systemd takes a datagram immediately; if it hangs, the exporter must not


class ServiceManager:
    """The systemd that started this process, if it wants to be notified; otherwise does nothing."""

    def __init__(self, environ: Mapping[str, str], pid: int) -> None:
        self._address = notify_address(environ)
        self.heartbeat_seconds = heartbeat_seconds(environ, pid) if self._address else math.inf
        self._status: str | None = None

    def sampled(self, status: str) -> None:
        """Show the status of the newest sample; with the first one, the service is ready.

        Characters that do not print are escaped: a line break would begin another message.
        """
        if status != self._status:
            ready = ["READY=1"] if self._status is None else []
            self._tell(*ready, f"STATUS={escape_controls(status)}")
            self._status = status

    def alive(self) -> None:
        """Say that the service makes progress; WatchdogSec= without it means a restart."""
        self._tell("WATCHDOG=1")

    def reloading(self) -> None:
        """Say that a reload has begun."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def reloaded(self) -> None:
        """Say that the reload is over, whatever its result."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """Say that the service has begun to stop."""
        self._tell("STOPPING=1", "STATUS=Stopping")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        # OSError: systemd is not listening. It notices the silence itself, and there is no one else
        # to tell: sd_notify(3) says to ignore it.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.settimeout(SEND_SECONDS)
            sock.sendto("\n".join(lines).encode(), self._address)


def notify_address(environ: Mapping[str, str]) -> str:
    """Return the address in NOTIFY_SOCKET, "" for none; "@" begins an abstract one."""
    name = environ.get("NOTIFY_SOCKET", "")
    return name.replace("@", "\0", 1) if name.startswith(("/", "@")) else ""


def heartbeat_seconds(environ: Mapping[str, str], pid: int) -> float:
    """Return the seconds between signs of life, +Inf if systemd expects none from `pid`.

    Half of what WATCHDOG_USEC allows, as sd_watchdog_enabled(3) recommends.
    """
    allowed = environ.get("WATCHDOG_USEC", "")
    meant = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
    if not meant or not (allowed.isascii() and allowed.isdecimal()) or int(allowed) == 0:
        return math.inf
    return int(allowed) / 2e6
