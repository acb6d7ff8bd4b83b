"""The sockets per family and state, and the accept queues of those that listen."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from tcp_pressure_exporter.facts.addresses import format_address
from tcp_pressure_exporter.facts.bound import AcceptQueue, BoundTally, QueueKey
from tcp_pressure_exporter.facts.sockets import (
    NOBODY,
    STATE_NAMES,
    TCP_LISTEN,
    Owner,
    SocketId,
)
from tcp_pressure_exporter.facts.tally import SocketTally
from tcp_pressure_exporter.findings.kinds import CROWDED
from tcp_pressure_exporter.pools.listing import ListingRule, select
from tcp_pressure_exporter.pools.table import end

FAMILIES = {True: "ipv4", False: "ipv6"}

SocketStates = Mapping[tuple[str, str], int]


def socket_states(tally: SocketTally, bound: BoundTally) -> SocketStates:
    """Return sockets by (family, state name): every pair in the tally.

    A v4-mapped socket counts as IPv4. A listener on [::] that also accepts IPv4 is one IPv6 socket.
    """
    counts = {
        (family, name): tally.states[v4, state]
        for v4, family in FAMILIES.items()
        for state, name in STATE_NAMES.items()
        if (v4, state) in tally.states
    }
    for v4, listeners in bound.listeners.items():
        counts[FAMILIES[v4], STATE_NAMES[TCP_LISTEN]] += listeners
    return counts


class ListenQueue(NamedTuple):
    """The fullest queue of the sockets that listen on one address and port, and its owner.

    interface: the name of the interface that they are bound to, "" for none.
    """

    found: AcceptQueue
    interface: str = ""
    owner: Owner = NOBODY

    @property
    def key(self) -> QueueKey:
        """What identifies the queue from sample to sample."""
        return self.found.key

    @property
    def used(self) -> int:
        """Connections waiting to be accepted."""
        return self.found.used

    @property
    def limit(self) -> int:
        """How many may wait."""
        return self.found.limit

    @property
    def ratio(self) -> float:
        """Used ÷ limit."""
        return self.found.ratio

    @property
    def name(self) -> str:
        """The address and port as text."""
        return end(self.local_address, self.port)

    @property
    def local_address(self) -> str:
        """The address as text, followed by the interface where there is one (RFC 4007)."""
        address = format_address(self.key.address)
        return f"{address}%{self.interface}" if self.interface else address

    @property
    def port(self) -> str:
        """The port as text."""
        return str(self.key.port)


@dataclass(frozen=True, slots=True)
class ListenQueues:
    """The fullest queues, fullest first.

    ratio_max: over all, listed or not; ratio_max_1m: the highest in a sample of the last minute.
    fullest_1m: the queue that was that full, "" where there is none.
    """

    listed: tuple[ListenQueue, ...]
    ratio_max: float
    ratio_max_1m: float = 0.0
    fullest_1m: str = ""

    def crowded(self) -> list[SocketId]:
        """Return the sockets of the crowded listed queues: their owners are worth knowing."""
        return [queue.found.owner_id for queue in self.listed if queue.ratio >= CROWDED]

    def owned(self, owner: Callable[[SocketId], Owner]) -> "ListenQueues":
        """Return the same queues with their owners, where known."""
        listed = (queue._replace(owner=owner(queue.found.owner_id)) for queue in self.listed)
        return replace(self, listed=tuple(listed))

    def peaked(self, ratio_max_1m: float, fullest_1m: str) -> "ListenQueues":
        """Return the same queues with what the last minute showed."""
        return replace(self, ratio_max_1m=ratio_max_1m, fullest_1m=fullest_1m)


def listen_queues(
    found: Iterable[AcceptQueue],
    listing: ListingRule,
    incumbents: Collection[QueueKey],
    interface_name: Callable[[int], str],
) -> ListenQueues:
    """Return the queues; `incumbents` were listed at the last sample.

    interface_name: returns the name for an index.
    """
    queues = {queue.key: queue for queue in found}
    top = max(queues.values(), key=lambda queue: queue.ratio, default=None)
    chosen = [queues[key] for key in select(queues, _ratio, listing, incumbents)]
    interfaces = _interfaces([*chosen, *filter(None, [top])], interface_name)
    return ListenQueues(
        listed=tuple(ListenQueue(queue, interfaces[queue.key.scope]) for queue in chosen),
        ratio_max=top.ratio if top else 0.0,
        ratio_max_1m=top.ratio if top else 0.0,
        fullest_1m=ListenQueue(top, interfaces[top.key.scope]).name if top else "",
    )


def _ratio(queue: AcceptQueue) -> float:
    return queue.ratio


def _interfaces(
    queues: Iterable[AcceptQueue], interface_name: Callable[[int], str]
) -> dict[int, str]:
    """Return a distinct name for each interface.

    One that is gone has its number for a name, which may be the name of another, and names that are
    not text look alike. No real name contains a colon (net/core/dev.c, dev_valid_name).
    """
    interfaces = {0: ""}
    for scope in sorted({queue.key.scope for queue in queues} - {0}):
        name = interface_name(scope)
        interfaces[scope] = f"{name}:{scope}" if name in interfaces.values() else name
    return interfaces
