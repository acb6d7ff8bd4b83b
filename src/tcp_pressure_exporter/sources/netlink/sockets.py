"""TCP sockets by sock_diag: each question is one dump of the network namespace it is asked in."""

import time
from collections.abc import Callable, Sequence

from tcp_pressure_exporter.facts.sockets import BoundSocket, RemoteEnd
from tcp_pressure_exporter.facts.tally import PoolSocket, SocketTally, TallyRules
from tcp_pressure_exporter.sources.netlink.diag import DiagSocket
from tcp_pressure_exporter.sources.netlink.entries import (
    INFO_EXTENSION,
    parse_bound_sockets,
    parse_close_wait_ages,
    parse_pool_sockets,
)
from tcp_pressure_exporter.sources.netlink.inet_diag import (
    BOUND_ONLY,
    CLOSE_WAIT,
    LISTENING,
    LIVE,
    NOT_LISTENING,
    filter_attribute,
)
from tcp_pressure_exporter.sources.netlink.socket import Dump
from tcp_pressure_exporter.sources.pacing import Allowance

# Finding the few sockets that are bound only means a walk over all sockets. It may take this
# share of one CPU: at every sample on a quiet host, seldom on one with a million sockets.
BOUND_ONLY_SHARE = 0.0005
BOUND_ONLY_MAX_AGE = 60.0  # seconds

Count = Callable[[Dump, TallyRules], SocketTally]


class NetlinkSockets:
    """Asks the network namespace of the calling thread. Every question raises SourceError.

    count: the parser of the large dump. bound_only: whether sockets that are bound only are looked
    for. They are in the table of bound ports, which all namespaces share as they share the one of
    connections: to find those of one namespace the kernel passes those of the whole host.
    """

    def __init__(
        self,
        count: Count,
        diag: DiagSocket | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        bound_only: bool = True,
    ) -> None:
        self._count = count
        self._diag = diag or DiagSocket()
        self._wants_bound_only = bound_only
        self._bound_only: list[BoundSocket] = []
        self._allowance = Allowance(BOUND_ONLY_SHARE, BOUND_ONLY_MAX_AGE, clock)

    def bound_sockets(self) -> list[BoundSocket]:
        """Return the listening sockets, and the bound-only ones as of up to 60 s ago.

        Kernels before 6.8 do not tell the bound-only ones.
        """
        if not self._wants_bound_only or not self._allowance.due():
            return self._diag.ask(LISTENING, _bound_sockets) + self._bound_only
        with self._allowance.spend():
            bound = self._diag.ask(LISTENING | BOUND_ONLY, _bound_sockets)
        self._bound_only = [socket for socket in bound if not socket.listening]
        return bound

    def tally(self, rules: TallyRules) -> SocketTally:
        """Return the aggregates over all sockets that are not listening."""
        return self._diag.ask(NOT_LISTENING, lambda dump: self._count(dump, rules))

    def close_wait_ages(self) -> dict[bytes, float]:
        """Return the least age in seconds of each socket in CLOSE_WAIT, by its cookie."""
        return self._diag.ask(CLOSE_WAIT, _close_wait_ages, extensions=INFO_EXTENSION)

    def pool_sockets(self, remotes: Sequence[RemoteEnd]) -> list[PoolSocket]:
        """Return the live sockets towards some remote ends."""
        return self._diag.ask(LIVE, _pool_sockets, attribute=filter_attribute(remotes))

    def close(self) -> None:
        """Close the netlink socket; the next dump opens another."""
        self._diag.close()


def _bound_sockets(dump: Dump) -> list[BoundSocket]:
    return parse_bound_sockets(dump.contents(), dump.sequence)


def _close_wait_ages(dump: Dump) -> dict[bytes, float]:
    return parse_close_wait_ages(dump.contents(), dump.sequence)


def _pool_sockets(dump: Dump) -> list[PoolSocket]:
    return parse_pool_sockets(dump.contents(), dump.sequence)
