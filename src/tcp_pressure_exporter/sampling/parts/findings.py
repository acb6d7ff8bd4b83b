"""Evaluates the findings in each sample, and remembers which counters rose."""

from collections.abc import Mapping

from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.sockets import Owner, SocketId
from tcp_pressure_exporter.findings.evidence import EventRises, Evidence, listeners_in_range
from tcp_pressure_exporter.findings.table import FindingState, evaluate
from tcp_pressure_exporter.pools.near_limit import CanaryReport
from tcp_pressure_exporter.pools.table import PoolTables
from tcp_pressure_exporter.sampling.parts.reading import Reading
from tcp_pressure_exporter.sources.owners.owners import Owners


class FindingsWatch:
    """The findings of one namespace."""

    def __init__(self, owners: Owners) -> None:
        self._owners = owners
        self._rises = EventRises()

    def take(
        self,
        reading: Reading,
        pools: Outcome[PoolTables] | None,
        canary: Outcome[CanaryReport] | None,
        now: float,
    ) -> tuple[tuple[FindingState, ...], SourceError | None]:
        """Return the findings that can be told, and why the others cannot."""
        facts = Evidence(
            sysctls=reading.sysctls,
            rising=self._rising(reading.statistics, now),
            resources=reading.resources,
            settings=reading.settings,
            bound=reading.bound,
            pools=pools,
            canary=canary,
            owners=self._listeners(reading),
            system=reading.system,
            shows_queues=reading.shows_queues,
        )
        return evaluate(facts)

    def _rising(
        self, statistics: Outcome[Mapping[str, int]], now: float
    ) -> Outcome[frozenset[str]]:
        if statistics.value is None:
            return Outcome(statistics.seconds, error=statistics.error)
        self._rises = self._rises.after(statistics.value, now)
        return Outcome(statistics.seconds, self._rises.recent)

    def _listeners(self, reading: Reading) -> Mapping[SocketId, Owner]:
        settings, bound = reading.settings.value, reading.bound.value
        if settings is None or bound is None:
            return {}  # their finding cannot be told either
        ids = {socket.owner_id for socket in listeners_in_range(settings, bound)}
        self._owners.look_up(ids)
        return {socket_id: self._owners.owner(socket_id) for socket_id in ids}
