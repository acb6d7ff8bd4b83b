"""The owner of a socket: the service by its cgroup, the process by its descriptor if permitted."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Protocol

from tcp_pressure_exporter.facts.sockets import OpenFiles, Owner, SocketId
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups, service_name
from tcp_pressure_exporter.sources.owners.containers import Containers
from tcp_pressure_exporter.sources.owners.open_files import open_files
from tcp_pressure_exporter.sources.owners.processes import Search
from tcp_pressure_exporter.sources.pacing import Allowance, Spending

WALK_SHARE = 0.005  # of one CPU
MAX_PAUSE = 300.0  # seconds
RENEWAL = 300.0  # seconds
MAX_KNOWN = 65_536
NO_INODE = 0  # no socket has it


class FindProcesses(Protocol):
    """The signature of find_processes (sources/owners/processes.py)."""

    def __call__(
        self, inodes: Collection[int], first: Iterable[int], /, *, busy_alone: bool
    ) -> Search:
        """Return the processes of sockets."""


class Owners:
    """Remembers the processes of sockets; looking for them takes at most a share of one CPU.

    stopped: whether a search ended early, so that an owner may wrongly count as unknown. It is a
    plain attribute that one thread writes.
    find: None if process names are not permitted. walk_share: of one CPU; 1 means without pauses.
    cost, spending: as in Allowance. containers: the source of their names.
    Between two searches only the busy processes are searched, from an allowance of the same size: a
    short connection would be over before the next full search.

    Every RENEWAL seconds, or one pause later, everything is forgotten and looked up again. So a
    name does not outlive its process for long, and sockets without a process get another chance. It
    also deals with reused inode numbers: get_next_ino() in fs/inode.c repeats itself only after
    some four billion.
    """

    def __init__(  # noqa: PLR0913 - the sources to ask, and what it may cost
        self,
        cgroups: Cgroups,
        find: FindProcesses | None,
        clock: Callable[[], float] = time.monotonic,
        *,
        walk_share: float = WALK_SHARE,
        procfs: Path = Path("/proc"),
        cost: Callable[[], float] | None = None,
        containers: Containers | None = None,
        spending: Spending | None = None,
    ) -> None:
        self._cgroups = cgroups
        self._containers = containers or Containers(clock=clock)
        self._find = find
        self._procfs = procfs
        self._clock = clock
        self.walk_share = walk_share
        self.spending = spending or Spending()
        self._allowance = Allowance(walk_share, MAX_PAUSE, clock, cost, self.spending)
        self._for_busy = Allowance(walk_share, MAX_PAUSE, clock, cost, self.spending)
        self.stopped = False
        self._processes: dict[int, str] = {}  # by inode; "" where none was found
        self._pids: dict[int, int] = {}  # by inode
        self._renewal_at = clock()
        self._learned = False

    def look_ahead(self) -> None:
        """See what the busy processes have, before the sockets for look_up are read.

        A short connection may be over by the time those are known. The first time it is not yet
        known which processes are busy, so all are looked at.
        """
        if self._find is None:
            return
        if not self._learned and self._allowance.due():
            self._learned = True
            with self._allowance.spend():
                self._find((NO_INODE,), (), busy_alone=False)
        elif self._for_busy.due():
            with self._for_busy.spend():
                self._find((), (), busy_alone=True)

    def look_up(self, sockets: Collection[SocketId]) -> None:
        """Find the processes of new sockets, if it is time; call it in every sample.

        It looks up at most the first MAX_KNOWN sockets.
        """
        whole = self._allowance.due()
        if self._find is None or not (whole or self._for_busy.due()):
            return
        wanted = {one.inode: one.cgroup_id for one in islice(sockets, MAX_KNOWN) if one.inode}
        if whole:
            self._forget(wanted)
        sought = wanted.keys() - self._processes.keys()
        if not sought:
            return
        with (self._allowance if whole else self._for_busy).spend():
            likely = self._likely({wanted[inode] for inode in sought}) if whole else ()
            found = self._find(sought, likely, busy_alone=not whole)
        self._pids.update(found.pids)
        names = {inode: _unicode(name) for inode, name in found.names.items()}
        if whole:
            self.stopped |= not found.complete
            names = dict.fromkeys(sought, "") | names
        self._processes.update(names)

    def owner(self, socket: SocketId) -> Owner:
        """Return what is known about a socket's owner."""
        process = self._processes.get(socket.inode, "")
        path = None if socket.cgroup_id is None else self._cgroups.path(socket.cgroup_id)
        service = (self._containers.name(path) or service_name(path)) if path else ""
        return Owner(_unicode(service), process)

    def process_id(self, socket: SocketId) -> int | None:
        """Return the process that has a socket, None where that is not known."""
        return self._pids.get(socket.inode)

    def open_files(self, pid: int) -> OpenFiles | None:
        """Return the descriptors of a process, None where that is not permitted."""
        return open_files(self._procfs, pid)

    def _forget(self, wanted: Collection[int]) -> None:
        """Forget everything if it is old, or too much together with what is wanted."""
        now = self._clock()
        if now >= self._renewal_at or len(self._processes.keys() | wanted) > MAX_KNOWN:
            self._processes, self._pids = {}, {}
            self.stopped = False
            self._renewal_at = now + RENEWAL

    def _likely(self, cgroup_ids: Iterable[int | None]) -> Iterator[int]:
        """Yield the processes of some cgroups: a socket is mostly held where it was created."""
        for cgroup_id in cgroup_ids:
            if cgroup_id is not None:
                yield from self._cgroups.processes(cgroup_id)


def _unicode(name: str) -> str:
    """Replace the stand-ins for bytes that are not UTF-8: no page and no log could carry them."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
