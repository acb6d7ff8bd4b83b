"""Which system this is, and what the portable sampler cannot tell there."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.system import BSD, LINUX, MACOS, SystemFacts
from tcp_pressure_exporter.sources.conntrack.table import ConntrackTable
from tcp_pressure_exporter.sources.portable.bsd import FREEBSD_NAMES, OPENBSD_NAMES, BsdFacts
from tcp_pressure_exporter.sources.portable.solaris import SolarisFacts
from tcp_pressure_exporter.sources.portable.windows import WindowsFacts, running_version
from tcp_pressure_exporter.sources.systems.portable_namespace import (
    ForeignNamespace,
    PortableNamespace,
)

# Collectors, by what they need.
NETLINK_ALONE = ("close_wait", "listen_queues", "pool_owners", "netns")
LINUX_ALONE = ("canary", "nat", "limits", "kernel_events")


class PortableSystem(NamedTuple):
    """What to ask instead of netlink, and why some collectors have to be left out."""

    namespace: PortableNamespace
    untold: Mapping[str, str]


def portable_system(platform: str, procfs: Path, conntrack: ConntrackTable) -> PortableSystem:
    """Return what serves a platform, named as sys.platform has it."""
    untold = dict.fromkeys(NETLINK_ALONE, "told by netlink alone, which is not to be had here")
    if platform == LINUX:
        return PortableSystem(PortableNamespace(procfs, conntrack), untold)
    untold |= dict.fromkeys(LINUX_ALONE, "told by Linux alone")
    return PortableSystem(ForeignNamespace(system_facts(platform)), untold)


def system_facts(platform: str) -> SystemFacts:
    """Return who answers for a platform's settings."""
    for prefix, make in SYSTEMS.items():
        if platform.startswith(prefix):
            return make()
    return UnknownFacts(platform)


# By how sys.platform begins.
SYSTEMS: Mapping[str, Callable[[], SystemFacts]] = {
    "win32": lambda: WindowsFacts(version=running_version()),
    "sunos": lambda: SolarisFacts(os.uname().version),
    "freebsd": lambda: BsdFacts(BSD, FREEBSD_NAMES, "/sbin/sysctl"),
    "dragonfly": lambda: BsdFacts(BSD, FREEBSD_NAMES, "/sbin/sysctl"),
    "openbsd": lambda: BsdFacts(BSD, OPENBSD_NAMES, "/sbin/sysctl"),
    "darwin": lambda: BsdFacts(MACOS, FREEBSD_NAMES, "/usr/sbin/sysctl"),
}


class UnknownFacts:
    """A system whose settings nobody here knows how to ask for: its sockets are counted."""

    shows_time_wait = False  # psutil may leave them out there

    def __init__(self, name: str) -> None:
        self.name = name

    def port_range(self) -> PortRange:
        """Raise SourceError."""
        self._refuse("port range")

    def time_wait_seconds(self) -> float:
        """Raise SourceError."""
        self._refuse("length of TIME_WAIT")

    def settings(self) -> Mapping[str, int]:
        """Return none."""
        return {}

    def _refuse(self, what: str) -> NoReturn:
        raise SourceError(what, f"not known how to ask for on {self.name}")
