"""Follows the sockets in CLOSE_WAIT from sample to sample, and finds out whose they are."""

from dataclasses import replace

from tcp_pressure_exporter.facts.tally import SocketTally
from tcp_pressure_exporter.sample.close_wait import CloseWait, CloseWaitMemory, close_wait
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.netlink.entries import close_wait_sockets
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.systems.namespace import Namespace


class CloseWaitWatch:
    """The sockets in CLOSE_WAIT of one namespace."""

    def __init__(self, namespace: Namespace, owners: Owners) -> None:
        self._namespace = namespace
        self._owners = owners
        self._memory: CloseWaitMemory | None = None

    def take(self, tally: SocketTally, config: Config, now: float) -> CloseWait:
        """Return the table of a dump; raises SourceError.

        Only of sockets that were there before the first sample the kernel is asked how old they
        are: any other is at least as old as the first sample that showed it, and hardly older.
        """
        sockets = close_wait_sockets(tally.kept)
        ages = self._namespace.close_wait_ages() if sockets and self._memory is None else {}
        memory = self._memory or CloseWaitMemory()
        complete = tally.kept_overflow == 0
        known = replace(memory, since=memory.seen(sockets, ages, now, complete=complete))
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
        return table
