"""Systems without netlink: Linux that denies it, Windows, Solaris, the BSDs, and unknown ones."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NoReturn

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.questions import Missing, NatSource, Sources, ToldBy
from tcp_pressure_exporter.facts.system import BSD, LINUX, MACOS, SystemFacts
from tcp_pressure_exporter.sources.canary.canary import Canary
from tcp_pressure_exporter.sources.portable.bsd import FREEBSD_NAMES, OPENBSD_NAMES, BsdFacts
from tcp_pressure_exporter.sources.portable.solaris import SolarisFacts
from tcp_pressure_exporter.sources.portable.source import PortableSockets, SystemSettings
from tcp_pressure_exporter.sources.portable.windows import WindowsFacts, running_version
from tcp_pressure_exporter.sources.procfs.resources import ProcNumbers
from tcp_pressure_exporter.sources.procfs.settings import ProcSettings

PORTABLE = "portable"  # what counts the sockets if psutil lists them
BY_NETLINK_ALONE = Missing("only known from netlink, which is not available here")
BY_LINUX_ALONE = Missing("only known on Linux")


def portable_sources(platform: str, procfs: Path, nat: NatSource, no_netlink: str) -> Sources:
    """Return the sources for a platform, named as in sys.platform; `nat` is used on Linux."""
    if platform != LINUX:
        return foreign_sources(system_facts(platform), no_netlink)
    return Sources(
        counted_by=PORTABLE,
        settings=ProcSettings(procfs),
        sockets=PortableSockets(),
        details=BY_NETLINK_ALONE,
        numbers=ProcNumbers(procfs),
        canary=Canary(procfs),
        nat=nat,
        no_netlink=no_netlink,
        told_by=partial(ToldBy, PORTABLE, no_netlink),
    )


def foreign_sources(facts: SystemFacts, no_netlink: str) -> Sources:
    """Return the sources for a system other than Linux: for the whole host at once."""
    return Sources(
        counted_by=PORTABLE,
        settings=SystemSettings(facts),
        sockets=PortableSockets(shows_time_wait=facts.shows_time_wait),
        details=BY_NETLINK_ALONE,
        numbers=BY_LINUX_ALONE,
        canary=BY_LINUX_ALONE,
        nat=BY_LINUX_ALONE,
        no_netlink=no_netlink,
        told_by=partial(ToldBy, PORTABLE, no_netlink),
    )


def system_facts(platform: str) -> SystemFacts:
    """Return the source of a platform's settings."""
    for prefix, make in SYSTEMS.items():
        if platform.startswith(prefix):
            return make()
    return UnknownFacts(platform)


# By the beginning of sys.platform.
SYSTEMS: Mapping[str, Callable[[], SystemFacts]] = {
    "win32": lambda: WindowsFacts(version=running_version()),
    "sunos": lambda: SolarisFacts(os.uname().version),
    "freebsd": lambda: BsdFacts(BSD, FREEBSD_NAMES, "/sbin/sysctl"),
    "dragonfly": lambda: BsdFacts(BSD, FREEBSD_NAMES, "/sbin/sysctl"),
    "openbsd": lambda: BsdFacts(BSD, OPENBSD_NAMES, "/sbin/sysctl"),
    "darwin": lambda: BsdFacts(MACOS, FREEBSD_NAMES, "/usr/sbin/sysctl"),
}


class UnknownFacts:
    """A system whose settings cannot be read here: only its sockets are counted."""

    shows_time_wait = False  # psutil may leave them out

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
        raise SourceError(what, f"not supported on {self.name}")
