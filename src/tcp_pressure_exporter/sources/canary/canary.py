"""The canary: would a connect() in an outbound pool find a local port? Only the kernel is asked.

There are two forms. One searches the whole range as an application's connect() would. That search
takes over a TIME_WAIT entry if tcp_tw_reuse lets it, and then the entry is gone. So if the pool has
such entries, the other form asks for single ports without one. Whether such entries really can be
taken over is tried on a few of them.
"""

import errno
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from secrets import SystemRandom
from socket import AF_INET, AF_INET6, socket

from tcp_pressure_exporter.facts.addresses import is_link_local, is_v4
from tcp_pressure_exporter.facts.outcome import SourceError, errno_reason
from tcp_pressure_exporter.facts.ports import MAX_PORT
from tcp_pressure_exporter.facts.questions import CanaryAnswer, HiddenAnswer, TakeOverAnswer
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.sources.canary.socket import (
    OPERATION,
    Search,
    keep_silent,
    open_canary_socket,
    search_port,
)

MAX_PORTS_ASKED = 8  # in the form for single ports: about 25 µs each
MAX_HELD_PORTS_ASKED = 64
MAX_WAITING_PORTS_LOOKED_AT = 64
MAX_WAITING_PORTS_ASKED = 16
MAX_TAKEN_OVER = 4
# What connect() returns if a SYN left: it is on its way, or this host's firewall refused it.
ESCAPED = frozenset({errno.EINPROGRESS, errno.ECONNREFUSED})


class Canary:
    """Asks in the calling thread's network namespace; one instance may serve several.

    It does not consult the firewall, nor a policy that applies only to other cgroups. If the range
    has an odd number of ports and one is left, the kernel itself finds it only on some tries.
    """

    def __init__(
        self,
        procfs: Path = Path("/proc"),
        open_socket: Callable[[int], socket] = open_canary_socket,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._procfs = procfs
        self._open_socket = open_socket
        self._clock = clock
        self._escape: str | None = None

    def missing(self) -> str | None:
        """Return why nothing can keep a SYN from leaving; None where something can."""
        try:
            with self._open_socket(AF_INET) as sock:
                keep_silent(sock, self._procfs)
        except OSError as error:
            return error.strerror or str(error)
        except SourceError as error:
            return error.reason
        return None

    def probe(self, key: PoolKey, *, reuse: bool, free_ports: int) -> CanaryAnswer:
        """Return the verdict for an outbound pool.

        reuse: whether the pool has TIME_WAIT entries that a connect() may take over.
        free_ports: used only then; the ports of the range that no socket at the pool's local
        address holds (facts/ports.py), TIME_WAIT included.

        Raises SourceError if nothing can keep a SYN from leaving, if the kernel gives no socket,
        and for good once a SYN has left all the same.
        """
        self._refuse_after_escape()
        if not key.scope and any(map(is_link_local, key[:2])):
            return _unknown("a link-local address says nothing without its interface")
        if reuse:
            return self._ask_single_ports(key, free_ports)
        search = self._search(key)
        return _verdict(search, search.seconds)

    def _refuse_after_escape(self) -> None:
        if self._escape is not None:
            raise SourceError(OPERATION, self._escape)

    def hidden_ports(self, held_ports: int, destinations: Sequence[PoolKey]) -> HiddenAnswer:
        """Ask about some random ports; return about how many, and how many of them are hidden.

        held_ports: ports (facts/ports.py) that sockets hold, none of them known to be bound.
        A port is hidden if its socket was bound to it before it connected: then no connect() may
        choose it, whatever the destination, and sock_diag does not show that.
        destinations: unused ends. The first to which the kernel has a route is taken.

        No port is asked about if there is no route to any, or if the kernel cannot be asked about
        single ports (before 6.3). Raises SourceError as `probe` does.
        """
        self._refuse_after_escape()
        ports = _some_ports(held_ports, MAX_HELD_PORTS_ASKED)
        answer = HiddenAnswer(0, 0)
        for destination in destinations:
            answer = self._hidden_from(destination, ports)
            if not answer.reason:
                break
        return answer

    def _hidden_from(self, destination: PoolKey, ports: Sequence[int]) -> HiddenAnswer:
        accepted = refused = 0
        for port in ports:
            search = self._search(destination, port)
            verdict = _verdict(search, None)
            if verdict.success is None:
                return HiddenAnswer(0, 0, verdict.reason)
            refused += not verdict.success
            accepted += search.port == port  # otherwise the range has changed
        return HiddenAnswer(accepted + refused, refused)

    def take_over(self, key: PoolKey, ports: int, waits: Callable[[int], bool]) -> TakeOverAnswer:
        """Ask connect() to take over TIME_WAIT at some random ports; return how many were refused.

        ports: those (facts/ports.py) at which the pool may have such an entry. waits: returns
        whether a port has an entry that tcp_tw_reuse gives back by its rules. The kernel does not
        if the peer sent no timestamps, or if the socket was bound to its port; sock_diag shows
        neither (net/ipv4/tcp_ipv4.c, tcp_twsk_unique; net/ipv4/inet_hashtables.c,
        __inet_hash_connect).

        Each success uses up the entry, as the next connect() would, so there are at most
        MAX_TAKEN_OVER. A refusal costs nothing. Raises SourceError as `probe` does.
        """
        self._refuse_after_escape()
        taken = refused = 0
        for port in _some_ports(ports, MAX_WAITING_PORTS_LOOKED_AT):
            if taken == MAX_TAKEN_OVER or taken + refused == MAX_WAITING_PORTS_ASKED:
                break
            if not waits(port):
                continue
            search = self._search(key, port)
            refused += _verdict(search, None).success is False
            taken += search.port == port
        return TakeOverAnswer(taken + refused, refused)

    def _ask_single_ports(self, key: PoolKey, free_ports: int) -> CanaryAnswer:
        """Ask for single ports until one is found.

        Never False: if all fail, connect() would still take over a TIME_WAIT entry.
        """
        ports = _some_ports(free_ports, MAX_PORTS_ASKED)
        for port in ports:
            search = self._search(key, port)
            if search.error == 0 and search.port != port:
                return _unknown(f"asked for port {port}, got {search.port}: the range has changed")
            verdict = _verdict(search, None)
            if verdict.success is not False:
                return verdict
        if not ports:
            return _unknown("no port without a socket: a connect() would need a TIME_WAIT entry")
        return _unknown(f"{len(ports)} ports without a socket of this address were refused")

    def _search(self, key: PoolKey, only_port: int | None = None) -> Search:
        family = AF_INET if is_v4(key.local_address) else AF_INET6
        try:
            with self._open_socket(family) as sock:
                keep_silent(sock, self._procfs)
                search = search_port(sock, key, only_port, self._clock)
        except OSError as error:
            raise SourceError(OPERATION, error.strerror or str(error)) from error
        if search.call == "connect()" and search.error in ESCAPED:
            self._escape = f"off because connect() sent a SYN ({errno_reason(-search.error)})"
            raise SourceError(OPERATION, self._escape)
        return search


def _verdict(search: Search, seconds: float | None) -> CanaryAnswer:
    if search.error == 0:
        return CanaryAnswer(success=True, seconds=seconds, reason="")
    reason = f"{search.call}: {errno_reason(-search.error)}"
    # bind() gives the same errno for an address that is not this host's.
    if search.call == "connect()" and search.error == errno.EADDRNOTAVAIL:
        return CanaryAnswer(success=False, seconds=seconds, reason=reason)
    return _unknown(reason)


def _unknown(reason: str) -> CanaryAnswer:
    return CanaryAnswer(success=None, seconds=None, reason=reason)


def _some_ports(ports: int, count: int) -> list[int]:
    """Return up to `count` random ports of a set, unpredictably."""
    size = ports.bit_count()
    places = SystemRandom().sample(range(size), min(size, count))
    return [_port_at(ports, place) for place in places]


def _port_at(ports: int, place: int) -> int:
    """Return the port of the set that has `place` lower ones in it, by halving the set."""
    lowest, width = 0, MAX_PORT + 1
    while width := width // 2:
        lower = ports & ((1 << width) - 1)
        lower_size = lower.bit_count()
        if place < lower_size:
            ports = lower
        else:
            place, ports, lowest = place - lower_size, ports >> width, lowest + width
    return lowest
