"""Sampling the exporter's own network namespace only, and counting those not looked at."""

import time
from collections.abc import Callable
from pathlib import Path

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sample.namespaces import Elsewhere
from tcp_pressure_exporter.sample.sample import Taken
from tcp_pressure_exporter.sampling.host import Host
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.netns.discovery import (
    RUN_NETNS,
    FoundNamespace,
    find_namespaces,
)
from tcp_pressure_exporter.sources.pacing import Allowance
from tcp_pressure_exporter.sources.procfs.capabilities import (
    effective_capabilities,
    may_see_namespaces,
)
from tcp_pressure_exporter.sources.procfs.resources import count_tcp_sockets

SHARE = 0.0005  # of one CPU: each count reads a link of every process
LONGEST_PAUSE = 300.0  # seconds: how old the number may get


class OwnNamespace:
    """Samples the exporter's own namespace, and counts the others now and then.

    names: as in find_namespaces.
    """

    def __init__(
        self,
        host: Host,
        procfs: Path,
        names: Path = RUN_NETNS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._procfs = procfs
        self._names = names
        self._allowance = Allowance(SHARE, LONGEST_PAUSE, clock, spending=host.spending)
        self._elsewhere: Elsewhere | None = None

    def take(self, config: Config) -> Taken:
        """Return the sample, and what it did not reach."""
        own = self._host.own.take(config)
        if self._allowance.due():
            with self._allowance.spend():
                self._elsewhere = count_elsewhere(self._procfs, self._names)
        return Taken((own,), elsewhere=self._elsewhere, left_out=tuple(self._host.unfinished()))


def count_elsewhere(procfs: Path, names: Path = RUN_NETNS) -> Elsewhere | None:
    """Return how many other namespaces have TCP sockets, as far as this user may see.

    They are not entered: what is in one without a process is not known, so it counts. None where
    the system has no network namespaces, or /proc cannot be read.
    """
    try:
        found = find_namespaces(procfs, names)
        complete = may_see_namespaces(effective_capabilities(procfs))
    except SourceError:
        return None  # the sources of the sample itself report that
    return Elsewhere(sum(_has_sockets(procfs, one) for one in found), complete)


def _has_sockets(procfs: Path, found: FoundNamespace) -> bool:
    if found.pid is None:
        return True
    try:
        return count_tcp_sockets(procfs, str(found.pid)) != 0
    except SourceError:
        return True  # it exists, but its contents are unknown
