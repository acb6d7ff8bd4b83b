"""TCP sockets through sock_diag: each question is one dump of the current network namespace."""

import errno
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial

from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import PortSocket, RemoteEnd
from tcp_pressure_exporter.facts.system import LINUX
from tcp_pressure_exporter.facts.tally import PoolKey, PoolSocket, SocketTally, TallyRules
from tcp_pressure_exporter.facts.time_wait import TimeWaitLengths
from tcp_pressure_exporter.sources.netlink.entries import (
    INFO_EXTENSION,
    MAX_AGES,
    parse_close_wait_ages,
    parse_pool_sockets,
    parse_port_sockets,
    parse_time_wait_age,
)
from tcp_pressure_exporter.sources.netlink.inet_diag import (
    ANY_STATE,
    BOUND_ONLY,
    CLOSE_WAIT,
    LISTENING,
    LIVE,
    NOT_LISTENING,
    TCPDIAG_GETSOCK,
    encode_connection_request,
    encode_request,
    filter_attribute,
)
from tcp_pressure_exporter.sources.netlink.messages import dump_payloads
from tcp_pressure_exporter.sources.netlink.socket import Answer, Dump, NetlinkSocket, coarse_ms
from tcp_pressure_exporter.sources.pacing import Allowance, Spending

NETLINK_SOCK_DIAG = 4  # include/uapi/linux/netlink.h


def open_diag_socket() -> socket.socket:
    """Open a socket that asks in the calling thread's network namespace."""
    return socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG
    )


class DiagSocket:
    """Dumps TCP sockets, as NetlinkSocket does."""

    def __init__(
        self,
        open_socket: Callable[[], socket.socket] = open_diag_socket,
        clock: Callable[[], float] = time.monotonic,
        ticks_ms: Callable[[], int] = coarse_ms,
    ) -> None:
        self._netlink = NetlinkSocket("sock_diag dump", open_socket, clock, ticks_ms)

    def ask(
        self,
        states: int,
        read: Callable[[Dump], Answer],
        extensions: int = 0,
        attribute: bytes = b"",
        local_port: int = 0,
    ) -> Answer:
        """Ask for sockets as `encode_request` does, and read the answer; raises SourceError."""
        return self._netlink.dump(
            lambda sequence: encode_request(states, sequence, extensions, attribute, local_port),
            read,
        )

    def ask_about(self, key: PoolKey, local_port: int, read: Callable[[Dump], Answer]) -> Answer:
        """Ask for one connection of a pool, and read the answer; raises SourceError."""
        return self._netlink.dump(
            lambda sequence: encode_connection_request(key, local_port, sequence), read
        )

    def close(self) -> None:
        """Close the socket; the next dump opens another."""
        self._netlink.close()


# The answers of a kernel without sock_diag, and of a sandbox that denies it.
DENIALS = frozenset(
    {
        *("EPERM", "EACCES", "ENOSYS", "ENOENT"),
        *("EAFNOSUPPORT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EOPNOTSUPP"),
    }
)


def why_no_netlink(platform: str, diag: DiagSocket) -> str | None:
    """Return why sockets cannot be read through netlink, None where they can.

    Also None if it failed for a reason that may pass: the next sample then tries again.
    """
    if platform != LINUX:
        return f"{platform} has no netlink"
    try:
        diag.ask(LISTENING, _received)
    except SourceError as error:
        cause = error.__cause__
        number = cause.errno if isinstance(cause, OSError) else None
        name = errno.errorcode.get(number or 0) or error.reason.partition(":")[0]
        return str(error) if name in DENIALS else None
    finally:
        diag.close()
    return None


# Finding the few sockets that are only bound takes a walk over all sockets. It may use this share
# of one CPU: in every sample on a quiet host, seldom on one with a million sockets.
BOUND_ONLY_SHARE = 0.0005
BOUND_ONLY_MAX_AGE = 60.0  # seconds

Count = Callable[[Dump, TallyRules], SocketTally]
CountBound = Callable[[Dump, BoundRules], BoundTally]


class NetlinkSockets:
    """Asks in the calling thread's network namespace. Every question raises SourceError.

    count: the parser of the large dump; count_bound: that of the small one. bound_only: whether to
    look for sockets that are only bound, where there may be any. They are in the table of bound
    ports, which all namespaces share, like that of connections: to find those of one namespace, the
    kernel passes those of the whole host. spending: as in Allowance.
    """

    def __init__(  # noqa: PLR0913 - what asks, what counts, and what it may cost
        self,
        count: Count,
        count_bound: CountBound,
        diag: DiagSocket | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        bound_only: bool = True,
        spending: Spending | None = None,
    ) -> None:
        self._count = count
        self._count_bound = count_bound
        self._diag = diag or DiagSocket()
        self._wants_bound_only = bound_only
        self._bound_only = BoundTally({})
        self.spending = spending or Spending()
        self._allowance = Allowance(
            BOUND_ONLY_SHARE, BOUND_ONLY_MAX_AGE, clock, spending=self.spending
        )

    def bound_sockets(self, rules: BoundRules) -> BoundTally:
        """Return the listening sockets, and those only bound as of up to 60 s ago.

        Kernels before 6.8 do not show the latter.
        """
        return self.with_bound_only(self.listening(rules), rules)

    def listening(self, rules: BoundRules) -> BoundTally:
        """Return the listening sockets."""
        return self._ask_bound(LISTENING, rules)

    def with_bound_only(self, listening: BoundTally, rules: BoundRules) -> BoundTally:
        """Return the given listening sockets together with those that are only bound."""
        if rules.bound_only is not None and not rules.bound_only & ~listening.listening:
            self._bound_only = BoundTally({})
        elif self._wants_bound_only and self._allowance.due():
            with self._allowance.spend():
                self._bound_only = self._ask_bound(BOUND_ONLY, rules)
        return listening.with_bound_only(self._bound_only)

    def _ask_bound(self, states: int, rules: BoundRules) -> BoundTally:
        return self._diag.ask(states, lambda dump: self._count_bound(dump, rules))

    def tally(self, rules: TallyRules) -> SocketTally:
        """Return the aggregates over all sockets that are not listening."""
        return self._diag.ask(NOT_LISTENING, lambda dump: self._count(dump, rules))

    def close_wait_ages(self) -> dict[bytes, float]:
        """Return the minimum age in seconds of each socket in CLOSE_WAIT, by its cookie."""
        ages = self._diag.ask(CLOSE_WAIT, _close_wait_ages, extensions=INFO_EXTENSION)
        if len(ages) == MAX_AGES:
            self._diag.close()  # it may hold the rest of the answer
        return ages

    def pool_sockets(self, remotes: Sequence[RemoteEnd]) -> list[PoolSocket]:
        """Return the live sockets connected to some remote ends."""
        return self._diag.ask(LIVE, _pool_sockets, attribute=filter_attribute(remotes))

    def port_sockets(self, port: int) -> list[PortSocket]:
        """Return the sockets of every state that hold a local port.

        Kernels before 6.8 do not show those only bound; later ones show those at every port,
        whichever was asked for (net/ipv4/inet_diag.c, inet_diag_dump_icsk).
        """
        return self._diag.ask(ANY_STATE, partial(_port_sockets, port), local_port=port)

    def time_wait_age(
        self, key: PoolKey, local_port: int, lengths: TimeWaitLengths
    ) -> float | None:
        """Return how long a pool's connection at a port has been in TIME_WAIT; None: it is not."""
        return self._diag.ask_about(
            key,
            local_port,
            lambda dump: parse_time_wait_age(dump.contents(), dump.sequence, lengths),
        )

    def close(self) -> None:
        """Close the netlink socket; the next dump opens another."""
        self._diag.close()


def _received(dump: Dump) -> int:
    return sum(1 for _payload in dump_payloads(dump.contents(), TCPDIAG_GETSOCK, dump.sequence))


def _close_wait_ages(dump: Dump) -> dict[bytes, float]:
    return parse_close_wait_ages(dump.contents(), dump.sequence)


def _port_sockets(port: int, dump: Dump) -> list[PortSocket]:
    return parse_port_sockets(dump.contents(), dump.sequence, port)


def _pool_sockets(dump: Dump) -> list[PoolSocket]:
    return parse_pool_sockets(dump.contents(), dump.sequence)
