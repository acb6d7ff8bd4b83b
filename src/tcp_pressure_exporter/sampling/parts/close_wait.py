"""The sockets in CLOSE_WAIT, followed from sample to sample, and their owners."""

from collections.abc import Iterable
from dataclasses import replace

from tcp_pressure_exporter.facts.close_wait import CloseWaitSocket
from tcp_pressure_exporter.facts.questions import Missing, SocketDetailSource
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.sample.close_wait import (
    STUCK_SECONDS,
    CloseWait,
    CloseWaitMemory,
    close_wait,
    owned_by_listeners,
)
from tcp_pressure_exporter.sample.leaks import Leak, StuckSocket, leaks
from tcp_pressure_exporter.sampling.parts.part import Kit, Reading
from tcp_pressure_exporter.sources.netlink.entries import close_wait_sockets
from tcp_pressure_exporter.sources.netlink.inet_diag import CLOSE_WAIT
from tcp_pressure_exporter.sources.owners.owners import Owners


class CloseWaitPart:
    """Remembers since when each socket has been in CLOSE_WAIT, even if the source changes."""

    needs = ()

    def __init__(self, source: SocketDetailSource, owners: Owners) -> None:
        self._source = source
        self._owners = owners
        self._memory = CloseWaitMemory()

    def take(self, reading: Reading) -> CloseWait:
        """Return the table of a dump; raises SourceError."""
        tally, config, now = reading.tally.get(), reading.config, reading.now()
        bound = reading.bound.value
        listeners = bound.kept if bound else ()  # unknown, and so are the owners of these
        sockets = owned_by_listeners(close_wait_sockets(tally.kept), listeners)
        by, complete = tally.edge.by, tally.kept_overflow == 0
        told = self._source.close_wait_ages() if self._memory.must_ask(sockets, by) else {}
        known = self._memory.after(sockets, by, told, now, complete=complete)
        self._owners.look_up([socket.owner_id for socket in known.stuck(sockets, now)])
        owners = [self._owners.owner(socket.owner_id) for socket in sockets]
        table = close_wait(
            tally.close_wait, sockets, owners, config.groups, known, config.listing.top, now
        )
        self._memory = replace(
            known,
            owners=frozenset(count.owner for count in table.owners),
            remotes=frozenset(count.remote for count in table.remotes),
        )
        ages = [known.age(socket, now) for socket in sockets]
        return replace(table, leaks=self._leaks(zip(sockets, owners, ages, strict=True)))

    def _leaks(self, sockets: Iterable[tuple[CloseWaitSocket, Owner, float]]) -> tuple[Leak, ...]:
        """Return who leaks. A socket that was never accepted keeps no descriptor."""
        found = leaks(
            StuckSocket(pid, owner, age)
            for one, owner, age in sockets
            if one.accepted
            and age >= STUCK_SECONDS
            and (pid := self._owners.process_id(one.owner_id)) is not None
        )
        return tuple(leak._replace(files=self._owners.open_files(pid)) for pid, leak in found)


def close_wait_part(kit: Kit) -> CloseWaitPart | Missing:
    """Return the part if single sockets are shown; dumps then keep those in CLOSE_WAIT."""
    details = kit.sources.details
    if isinstance(details, Missing):
        return details
    kit.memory.kept_states |= CLOSE_WAIT
    return CloseWaitPart(details, kit.owners)
