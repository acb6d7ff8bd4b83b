"""The calls that fail for lack of a local port: counted by the kernel, named here."""

from tcp_pressure_exporter.facts.failures import PortFailure
from tcp_pressure_exporter.facts.outcome import Incomplete, SourceError
from tcp_pressure_exporter.facts.questions import FailureSource, Missing
from tcp_pressure_exporter.facts.sockets import SocketId
from tcp_pressure_exporter.sample.counted.failures import (
    FailureMemory,
    FailureOwner,
    FailureWindow,
    PortFailures,
    failure_owner,
)
from tcp_pressure_exporter.sampling.parts.part import Kit, Reading
from tcp_pressure_exporter.sources.owners.owners import Owners


class FailuresPart:
    """Remembers which owners are listed, and their counts of failures."""

    needs = ()

    def __init__(self, source: FailureSource, owners: Owners, since: float) -> None:
        """Start with nothing; since: when counting began, on the sampler's clock."""
        self._source = source
        self._owners = owners
        self._memory = FailureMemory(window=FailureWindow(since))

    def take(self, reading: Reading) -> PortFailures | Incomplete[PortFailures]:
        """Return the counters; raises SourceError."""
        counts, config = self._source.port_failures(), reading.config

        def name(failure: PortFailure) -> FailureOwner:
            caller = self._owners.owner(SocketId(0, failure.cgroup_id))
            return failure_owner(failure, caller.service, config.groups)

        self._memory = self._memory.after(counts, name, config.listing.top, reading.now())
        published = self._memory.published(counts)
        if not counts.lost:
            return published
        reason = f"{counts.lost:,} failures were lost: too many network namespaces"
        return Incomplete(published, SourceError("port failures", reason))


def failures_part(kit: Kit) -> FailuresPart | Missing:
    """Return the part if BPF programs may be loaded."""
    source = kit.sources.failures
    return source if isinstance(source, Missing) else FailuresPart(source, kit.owners, kit.clock())
