"""The accept queues of the listening sockets, and the owners of the crowded ones."""

from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.pools.memory import HighWater, raised
from tcp_pressure_exporter.sample.sockets import ListenQueues, listen_queues
from tcp_pressure_exporter.sampling.parts.part import Kit, Memory, Reading
from tcp_pressure_exporter.sources.owners.owners import Owners


class ListenQueuesPart:
    """Remembers which queues were listed, and the fullest of the last minute."""

    needs = ()

    def __init__(self, memory: Memory, owners: Owners) -> None:
        self._memory = memory
        self._owners = owners
        self._marks: HighWater[tuple[float, str]] = ()

    def take(self, reading: Reading) -> ListenQueues:
        """Return the fullest queues; raises SourceError."""
        queues = listen_queues(
            reading.bound.get().queues,
            reading.config.listing,
            self._memory.watched_queues,
            reading.interface_name,
        )
        self._memory.watched_queues = [queue.key for queue in queues.listed]
        self._owners.look_up(queues.crowded())
        mark = (queues.ratio_max, queues.fullest_1m)
        self._marks = raised(self._marks, reading.now(), mark)
        _time, highest = self._marks[0]
        return queues.owned(self._owners.owner).peaked(*highest)


def listen_queues_part(kit: Kit) -> ListenQueuesPart | Missing:
    """Return the part if listeners come with their queues, as they do from netlink."""
    details = kit.sources.details
    return details if isinstance(details, Missing) else ListenQueuesPart(kit.memory, kit.owners)
