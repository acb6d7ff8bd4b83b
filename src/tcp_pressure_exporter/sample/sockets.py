"""What sockets there are: per family and state, and the accept queues of those that listen."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from tcp_pressure_exporter.facts.addresses import format_address, is_v4
from tcp_pressure_exporter.facts.sockets import (
    NOBODY,
    STATE_NAMES,
    TCP_LISTEN,
    UNKNOWN_SOCKET,
    BoundSocket,
    Owner,
    SocketId,
)
from tcp_pressure_exporter.facts.tally import SocketTally
from tcp_pressure_exporter.findings.kinds import CROWDED
from tcp_pressure_exporter.pools.listing import ListingRule, select
from tcp_pressure_exporter.pools.table import end

FAMILIES = {True: "ipv4", False: "ipv6"}

SocketStates = Mapping[tuple[str, str], int]


def socket_states(tally: SocketTally, bound: Iterable[BoundSocket]) -> SocketStates:
    """Return sockets by (family, state name): every pair that the tally tells.

    A v4-mapped socket is IPv4. A listener on [::] that takes IPv4 too is one IPv6 socket.
    """
    counts = {
        (family, name): tally.states[v4, state]
        for v4, family in FAMILIES.items()
        for state, name in STATE_NAMES.items()
        if (v4, state) in tally.states
    }
    for socket in bound:
        if socket.listening:
            counts[FAMILIES[is_v4(socket.address)], STATE_NAMES[TCP_LISTEN]] += 1
    return counts


ListenKey = tuple[bytes, int]


class ListenQueue(NamedTuple):
    """The fullest queue of the sockets that listen on one address and port, and whose it is."""

    key: ListenKey
    used: int
    limit: int
    owner_id: SocketId = UNKNOWN_SOCKET
    owner: Owner = NOBODY

    @property
    def ratio(self) -> float:
        """Used ÷ limit. The kernel refuses beyond the limit, so it can be a little above 1."""
        return self.used / max(self.limit, 1)  # listen(0) lets one connection wait

    @property
    def name(self) -> str:
        """The address and port as text."""
        return end(self.local_address, self.port)

    @property
    def local_address(self) -> str:
        """The address as text."""
        return format_address(self.key[0])

    @property
    def port(self) -> str:
        """The port as text."""
        return str(self.key[1])


@dataclass(frozen=True, slots=True)
class ListenQueues:
    """The fullest queues, fullest first.

    ratio_max: over all, listed or not; ratio_max_1m: the highest at a sample of the last minute.
    fullest_1m: the queue that was so full, "" where there is none.
    """

    listed: tuple[ListenQueue, ...]
    ratio_max: float
    ratio_max_1m: float = 0.0
    fullest_1m: str = ""

    def crowded(self) -> list[SocketId]:
        """Return the sockets of the listed queues that are crowded: it is worth knowing whose."""
        return [queue.owner_id for queue in self.listed if queue.ratio >= CROWDED]

    def owned(self, owner: Callable[[SocketId], Owner]) -> "ListenQueues":
        """Return the same queues with what is known of their owners."""
        listed = (queue._replace(owner=owner(queue.owner_id)) for queue in self.listed)
        return replace(self, listed=tuple(listed))

    def peaked(self, ratio_max_1m: float, fullest_1m: str) -> "ListenQueues":
        """Return the same queues with what the last minute showed."""
        return replace(self, ratio_max_1m=ratio_max_1m, fullest_1m=fullest_1m)


def listen_queues(
    bound: Iterable[BoundSocket], listing: ListingRule, incumbents: Collection[ListenKey]
) -> ListenQueues:
    """Return the queues; `incumbents` were listed at the last sample."""
    fullest: dict[ListenKey, ListenQueue] = {}
    for socket in bound:
        if socket.listening:
            key = (socket.address, socket.port)
            queue = ListenQueue(key, socket.queue_used, socket.queue_limit or 0, socket.owner_id)
            fullest[key] = max(fullest.get(key, queue), queue, key=lambda q: (q.ratio, q.limit))
    top = max(fullest.values(), key=lambda queue: queue.ratio, default=None)
    chosen = select(fullest, lambda queue: queue.ratio, listing, incumbents)
    return ListenQueues(
        listed=tuple(fullest[key] for key in chosen),
        ratio_max=top.ratio if top else 0.0,
        ratio_max_1m=top.ratio if top else 0.0,
        fullest_1m=top.name if top else "",
    )
