"""Sockets from a walk of the kernel's table, with netlink for everything that needs no walk.

If the walk fails, or a dump by netlink disagrees, netlink replaces it permanently: no number is
ever wrong because a kernel keeps a field elsewhere.
"""

import time
from collections.abc import Callable, Mapping

from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import ToldBy
from tcp_pressure_exporter.facts.tally import (
    BPF,
    NETLINK,
    SocketTally,
    TallyRules,
)
from tcp_pressure_exporter.sources.bpf.walk.beside import BesideNetlink
from tcp_pressure_exporter.sources.bpf.walk.checking import (
    ATTEMPTS,
    CHECK_MAX_AGE,
    CHECK_SHARE,
    EVENTS,
    Looked,
    Meanwhile,
    difference,
    looked_at,
)
from tcp_pressure_exporter.sources.bpf.walk.listening import WalkedListeners
from tcp_pressure_exporter.sources.netlink.entries import close_wait_silences
from tcp_pressure_exporter.sources.netlink.sockets import NetlinkSockets
from tcp_pressure_exporter.sources.pacing import Allowance


class WalkedSockets(BesideNetlink):
    """Asks the network namespace of the calling thread. Every question raises SourceError.

    walk: counts the table of connections; walk_listeners: counts that of listening sockets.
    statistics: returns the kernel's counters. told_by: which of the two sources supplied the newest
    sockets. It is replaced as a whole, so another thread can read it.
    """

    def __init__(
        self,
        walk: Callable[[TallyRules], SocketTally],
        walk_listeners: Callable[[BoundRules], BoundTally],
        netlink: NetlinkSockets,
        statistics: Callable[[], Mapping[str, int]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(netlink)
        self._walk = walk
        self._listeners = WalkedListeners(
            walk_listeners, netlink.listening, clock, netlink.spending
        )
        self._statistics = statistics
        self._clock = clock
        self._allowance = Allowance(CHECK_SHARE, CHECK_MAX_AGE, clock, spending=netlink.spending)
        self._kept: tuple[bytes, ...] = ()
        self.told_by = ToldBy(BPF, fallbacks=0)

    def tally(self, rules: TallyRules) -> SocketTally:
        """Return the aggregates over all sockets that are not listening."""
        if self.told_by.source == BPF:
            try:
                return self._walked(rules)
            except SourceError as error:
                self._fall_back(error)
        self._kept = ()
        return self._netlink.tally(rules)

    def _fall_back(self, error: SourceError) -> None:
        self.told_by = ToldBy(NETLINK, str(error), fallbacks=1)

    def bound_sockets(self, rules: BoundRules) -> BoundTally:
        """Return the listening sockets, and the bound-only ones as netlink tells them."""
        if self.told_by.source == BPF:
            try:
                listening = self._listeners.listening(rules)
            except SourceError as error:
                self._fall_back(error)
            else:
                return self._netlink.with_bound_only(listening, rules)
        return super().bound_sockets(rules)

    def _walked(self, rules: TallyRules) -> SocketTally:
        found: str | None = None
        if self._allowance.due():
            with self._allowance.spend():
                tally, found = self._checked(rules)
        else:
            tally = self._walk(rules)
        if found:
            raise SourceError("BPF walk", f"differs from netlink's dump: {found}")
        self._kept = tally.kept
        return tally

    def _checked(self, rules: TallyRules) -> tuple[SocketTally, str | None]:
        """Return a tally, and how netlink's differs from it; None if they agree."""
        for _ in range(ATTEMPTS):
            tally, found = self._compared(rules)
            if found is None:
                break
        return tally, found

    def _compared(self, rules: TallyRules) -> tuple[SocketTally, str | None]:
        began, events = self._clock(), self._events()
        # Keep only the compared parts of each tally: a whole one can take several megabytes.
        first = looked_at(self._walk(rules))
        dumped = self._dumped(rules)
        tally = self._walk(rules)
        if dumped is None:
            return tally, None
        milliseconds = round(1000 * (self._clock() - began))
        meanwhile = Meanwhile(milliseconds, self._events() - events)
        return tally, difference(first, dumped, looked_at(tally), meanwhile)

    def _dumped(self, rules: TallyRules) -> Looked | None:
        """Return what netlink tells; None if it fails, which says nothing against a walk."""
        try:
            return looked_at(self._netlink.tally(rules))
        except SourceError:
            return None

    def _events(self) -> int:
        """Return how many events the kernel has counted; 0 if they cannot be read."""
        try:
            statistics = self._statistics()
        except SourceError:
            return 0
        return sum(statistics.get(name, 0) for name in EVENTS)

    def close_wait_ages(self) -> dict[bytes, float]:
        """Return the minimum age in seconds of each socket in CLOSE_WAIT, by its cookie."""
        if self.told_by.source == BPF:
            return close_wait_silences(self._kept)
        return self._netlink.close_wait_ages()

    def who_told(self) -> ToldBy:
        """Return which source supplied the newest sockets."""
        return self.told_by
