"""What the findings are made from: the settings of a network namespace, and what it shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.sockets import BoundSocket, Owner, SocketId
from tcp_pressure_exporter.facts.system import LINUX, Resource
from tcp_pressure_exporter.model.canary_targets import CanaryReport
from tcp_pressure_exporter.model.pool_table import PoolTable, PoolTables
from tcp_pressure_exporter.model.pools import OUTBOUND


class NotAskedError(Exception):
    """A finding needs what a collector tells that is off."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The outcomes of the sources; pools and canary are None where these collectors are off.

    rising: the events of model/event_rises.py. owners: those of the listeners in the port range.
    system: as Namespace has it. shows_queues: whether `bound` tells the queues of listeners.
    """

    sysctls: Outcome[Mapping[str, int]]
    rising: Outcome[frozenset[str]]
    resources: Outcome[tuple[Resource, ...]]
    settings: Outcome[PortRange]
    bound: Outcome[list[BoundSocket]]
    pools: Outcome[PoolTables] | None
    canary: Outcome[CanaryReport] | None
    owners: Mapping[SocketId, Owner] = field(default_factory=dict)
    system: str = LINUX
    shows_queues: bool = True

    def sysctl(self, name: str) -> int | None:
        """Return a sysctl, None where the kernel has none; raises SourceError."""
        return self.sysctls.get().get(name)

    def outbound(self) -> PoolTable:
        """Return the outbound pools; raises SourceError, NotAskedError."""
        if self.pools is None:
            raise NotAskedError
        return self.pools.get()[OUTBOUND]

    def hidden_ports(self) -> float:
        """Return the estimate of hidden ports, 0 where no pool is full enough to be asked about.

        Raises SourceError, NotAskedError.
        """
        if self.canary is None:
            raise NotAskedError
        return self.canary.get().hidden_ports or 0.0

    def listeners_in_range(self) -> list[BoundSocket]:
        """Return the sockets that listen on a port the kernel may give away; raises SourceError."""
        return listeners_in_range(self.settings.get(), self.bound.get())


def listeners_in_range(settings: PortRange, bound: list[BoundSocket]) -> list[BoundSocket]:
    """Return the sockets that listen on a usable local port."""
    usable = settings.usable
    return [socket for socket in bound if socket.listening and usable >> socket.port & 1]
