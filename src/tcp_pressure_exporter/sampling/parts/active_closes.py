"""Who closes first in the fullest pools: counted by the kernel, named here."""

from tcp_pressure_exporter.facts.outcome import Incomplete, SourceError
from tcp_pressure_exporter.facts.questions import CloseSource, Missing
from tcp_pressure_exporter.facts.sockets import Owner, SocketId
from tcp_pressure_exporter.facts.time_wait import ActiveClose
from tcp_pressure_exporter.sample.counted.active_closes import (
    ActiveCloses,
    CloseMemory,
    closed_pool,
    names_of,
    pools_in_view,
)
from tcp_pressure_exporter.sample.sample import POOLS
from tcp_pressure_exporter.sampling.parts.part import Kit, Reading
from tcp_pressure_exporter.sampling.parts.pools import OTHERS_GIVE_WAY
from tcp_pressure_exporter.sources.owners.owners import Owners


class ActiveClosesPart:
    """Remembers which closers are listed, and their counts of closes."""

    needs = (POOLS,)

    def __init__(self, source: CloseSource, owners: Owners, fewer: int = 0) -> None:
        self._source = source
        self._owners = owners
        self._fewer = fewer
        self._memory = CloseMemory()

    def take(self, reading: Reading) -> ActiveCloses | Incomplete[ActiveCloses]:
        """Return the counters; raises SourceError."""
        config = reading.config
        pools = pools_in_view(reading.get(POOLS), config.listing.without(self._fewer))
        counts = self._source.active_closes()
        name = names_of(
            pools, lambda row: closed_pool(row, config.groups, config.sources), self._owner
        )
        self._memory = self._memory.after(counts, name, pools, reading.now())
        published = self._memory.published
        if not counts.lost:
            return published
        reason = f"{counts.lost:,} closes were lost: too many network namespaces"
        return Incomplete(published, SourceError("active closes", reason))

    def _owner(self, close: ActiveClose) -> Owner:
        service = self._owners.owner(SocketId(0, close.cgroup_id)).service
        return Owner(service, close.process)


def active_closes_part(kit: Kit) -> ActiveClosesPart | Missing:
    """Return the part if BPF programs may be loaded."""
    source = kit.sources.closes
    if isinstance(source, Missing):
        return source
    return ActiveClosesPart(source, kit.owners, 0 if kit.own else OTHERS_GIVE_WAY)
