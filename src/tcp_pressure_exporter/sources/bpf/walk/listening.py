"""Listening sockets from a walk of the kernel's table, sometimes compared with netlink's dump."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally, QueueKey
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import SocketId
from tcp_pressure_exporter.sources.bpf.walk.checking import ATTEMPTS, CHECK_MAX_AGE, CHECK_SHARE
from tcp_pressure_exporter.sources.bpf.walk.found import OPERATION
from tcp_pressure_exporter.sources.pacing import Allowance, Spending

Count = Callable[[BoundRules], BoundTally]


@dataclass(frozen=True, slots=True)
class Looked:
    """The parts of a tally that are compared: not how many connections wait, which varies."""

    listeners: Mapping[bool, int]
    listening: int
    by_address: Mapping[bytes, bytes]
    dual_stack: int
    transparent: bool
    limits: Mapping[QueueKey, tuple[int | None, SocketId]]


def looked_at(tally: BoundTally) -> Looked:
    """Return the parts of a tally that are compared."""
    limits = {queue.key: (queue.limit, queue.owner_id) for queue in tally.queues}
    return Looked(
        tally.listeners,
        tally.listening,
        tally.by_address,
        tally.dual_stack,
        tally.transparent,
        # If there are more queues than there is room for, how full they were decides which are
        # listed.
        limits if len(limits) == sum(tally.listeners.values()) else {},
    )


class WalkedListeners:
    """Asks the network namespace of the calling thread; raises SourceError.

    walk, dump: count the listening sockets, by BPF and by netlink. spending: as in Allowance.
    """

    def __init__(
        self,
        walk: Count,
        dump: Count,
        clock: Callable[[], float] = time.monotonic,
        spending: Spending | None = None,
    ) -> None:
        self._walk = walk
        self._dump = dump
        self._allowance = Allowance(CHECK_SHARE, CHECK_MAX_AGE, clock, spending=spending)

    def listening(self, rules: BoundRules) -> BoundTally:
        """Return them; raises SourceError if the walk fails or netlink disagrees."""
        if not self._allowance.due():
            return self._walk(rules)
        with self._allowance.spend():
            return self._checked(rules)

    def _checked(self, rules: BoundRules) -> BoundTally:
        stable = False
        for _ in range(ATTEMPTS):
            first, dumped = looked_at(self._walk(rules)), self._dumped(rules)
            tally = self._walk(rules)
            if dumped is None or looked_at(tally) == dumped or first == dumped:
                return tally
            stable = looked_at(tally) == first
        if stable:
            raise SourceError(OPERATION, "differs from netlink's dump: listening sockets")
        return tally  # they change too fast to compare

    def _dumped(self, rules: BoundRules) -> Looked | None:
        """Return what netlink tells; None if it fails, which says nothing against a walk."""
        try:
            return looked_at(self._dump(rules))
        except SourceError:
            return None
