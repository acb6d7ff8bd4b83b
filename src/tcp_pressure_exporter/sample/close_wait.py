"""Sockets in CLOSE_WAIT: why, since when, and whose."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import nsmallest
from typing import NamedTuple

from tcp_pressure_exporter.facts.addresses import format_address
from tcp_pressure_exporter.facts.close_wait import CAUSES, CloseWaitCounts, CloseWaitSocket
from tcp_pressure_exporter.facts.sockets import NOBODY, BoundSocket, Owner
from tcp_pressure_exporter.facts.tally import MAX_KEPT
from tcp_pressure_exporter.pools.groups import RemoteGroups
from tcp_pressure_exporter.pools.listing import OwnerCount, most, most_owners
from tcp_pressure_exporter.sample.leaks import Leak
from tcp_pressure_exporter.sample.listeners import Listeners

MAX_REMOTES = 2  # listed: enough to see where they come from
STUCK_SECONDS = (
    1.0  # applications that close at all do so sooner: only after this is a socket worth a look
)
MAX_REMEMBERED = 4 * MAX_KEPT


class CauseCount(NamedTuple):
    """The sockets with one cause, and the minimum age in seconds of the oldest.

    never_accepted: how many of these are in the accept queue of their listener; if not every socket
    was looked at, extrapolated from those that were.
    """

    sockets: int
    oldest_seconds: float
    never_accepted: int = 0


class RemoteCount(NamedTuple):
    """A remote address or group, and how many of the sockets are connected to it."""

    remote: str
    sockets: int


@dataclass(frozen=True, slots=True)
class CloseWait:
    """All sockets in CLOSE_WAIT.

    causes: by each of CAUSES. owners: those with the most sockets. remotes: those with the most
    sockets whose owner is unknown. unlisted: sockets that have no listed owner. leaks: the
    processes with a growing number of sockets, the fastest first.
    """

    causes: Mapping[str, CauseCount]
    owners: tuple[OwnerCount, ...]
    remotes: tuple[RemoteCount, ...]
    unlisted: int
    leaks: tuple[Leak, ...] = ()


class Known(NamedTuple):
    """A socket as the last sample that showed it saw it.

    since: when it entered CLOSE_WAIT, at the latest. cookie: its name by the source `by`. inode: as
    in CloseWaitSocket.
    """

    since: float
    cookie: bytes
    by: str
    inode: int

    def is_same(self, socket: CloseWaitSocket, by: str) -> bool:
        """Tell whether it is the socket that has the same ends now, by the source `by`.

        Another source has other cookies. Then the inode tells, if it had one before.
        """
        if by == self.by:
            return socket.cookie == self.cookie
        return self.inode in {0, socket.inode}


@dataclass(frozen=True, slots=True)
class CloseWaitMemory:
    """What the next sample needs: since when each socket has been in CLOSE_WAIT.

    Times are seconds on the sampler's clock. by: the source of the last sample, "" before the
    first. known: by the sockets' ends. owners, remotes: those that were listed.
    """

    by: str = ""
    known: Mapping[bytes, Known] = field(default_factory=dict)
    owners: frozenset[Owner] = frozenset()
    remotes: frozenset[str] = frozenset()

    def age(self, socket: CloseWaitSocket, now: float) -> float:
        """Return for how many seconds a socket of the last sample has been in CLOSE_WAIT."""
        return now - self.known[socket.ends].since

    def stuck(self, sockets: Sequence[CloseWaitSocket], now: float) -> list[CloseWaitSocket]:
        """Return the sockets that are not just passing through CLOSE_WAIT."""
        return [socket for socket in sockets if self.age(socket, now) >= STUCK_SECONDS]

    def must_ask(self, sockets: Sequence[CloseWaitSocket], by: str) -> bool:
        """Tell whether to ask the kernel for ages: a source's first sample shows unknown sockets.

        In later samples, a new socket is hardly older than the sample that shows it.
        """
        return by != self.by and any(self._find(socket, by) is None for socket in sockets)

    def after(
        self,
        sockets: Sequence[CloseWaitSocket],
        by: str,
        ages: Mapping[bytes, float],
        now: float,
        *,
        complete: bool,
    ) -> "CloseWaitMemory":
        """Return what is known after a sample; `ages`: those the kernel gave, by cookie.

        complete: whether these are all the sockets. If not, missing ones may be back next time, so
        the oldest of those are remembered too.
        """
        seen = {
            socket.ends: self._seen(socket, by, now - ages.get(socket.cookie, 0.0))
            for socket in sockets
        }
        unseen = () if complete else (item for item in self.known.items() if item[0] not in seen)
        oldest = nsmallest(MAX_REMEMBERED - len(seen), unseen, key=lambda item: item[1].since)
        return replace(self, by=by, known={**dict(oldest), **seen})

    def _seen(self, socket: CloseWaitSocket, by: str, since: float) -> Known:
        """Return what is known about a socket now; `since`: of one that is new."""
        before = self._find(socket, by)
        return Known(before.since if before else since, socket.cookie, by, socket.inode)

    def _find(self, socket: CloseWaitSocket, by: str) -> Known | None:
        known = self.known.get(socket.ends)
        return known if known and known.is_same(socket, by) else None


def close_wait(  # noqa: PLR0913, PLR0917 - the sources of one table
    counts: CloseWaitCounts,
    sockets: Sequence[CloseWaitSocket],
    owners: Sequence[Owner],
    groups: RemoteGroups,
    memory: CloseWaitMemory,
    top: int,
    now: float,
) -> CloseWait:
    """Return the table of a dump; `owners` are those of `sockets`, in their order."""
    listed = most_owners(owners, top, memory.owners)
    unowned = (
        _remote(socket, groups)
        for socket, owner in zip(sockets, owners, strict=True)
        if owner == NOBODY
    )
    return CloseWait(
        causes={
            cause: CauseCount(
                count,
                _oldest(cause, sockets, memory, now),
                _never_accepted(cause, count, sockets),
            )
            for cause, count in zip(CAUSES, counts, strict=True)
        },
        owners=listed,
        remotes=tuple(
            RemoteCount(*counted)
            for counted in most(unowned, min(top, MAX_REMOTES), memory.remotes)
        ),
        unlisted=sum(counts) - sum(owner.sockets for owner in listed),
    )


def _oldest(
    cause: str, sockets: Sequence[CloseWaitSocket], memory: CloseWaitMemory, now: float
) -> float:
    return max((memory.age(one, now) for one in sockets if one.cause == cause), default=0.0)


def _never_accepted(cause: str, count: int, sockets: Sequence[CloseWaitSocket]) -> int:
    accepted = [socket.accepted for socket in sockets if socket.cause == cause]
    return count * accepted.count(False) // len(accepted) if accepted else 0


def owned_by_listeners(
    sockets: Iterable[CloseWaitSocket], bound: Iterable[BoundSocket]
) -> list[CloseWaitSocket]:
    """Return the sockets; one that was never accepted gets its listener's owner.

    No process has a descriptor of such a socket; the listener's process is failing to accept it.
    """
    listeners = Listeners(bound)
    return [
        socket
        if socket.accepted
        else socket._replace(owner_id=listeners.owner_id(socket.local_address, socket.local_port))
        for socket in sockets
    ]


def _remote(socket: CloseWaitSocket, groups: RemoteGroups) -> str:
    group = groups.find(socket.remote_address)
    return group.name if group else format_address(socket.remote_address)
