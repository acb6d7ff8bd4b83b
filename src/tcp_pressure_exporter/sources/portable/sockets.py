"""TCP sockets as psutil lists them on any system, and since when they have been there."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, NamedTuple

import psutil

from tcp_pressure_exporter.facts.addresses import V4_MAPPED, V6_ANY
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import MAX_PORT
from tcp_pressure_exporter.facts.sockets import STATE_NAMES, TCP_CLOSE, TCP_LISTEN, BoundSocket

OPERATION = "psutil.net_connections"
# psutil writes the same names in capitals. Other states (Windows' DELETE_TCB, Solaris' BOUND and
# IDLE) are no longer connections, or not yet.
NUMBERS = {name.upper(): number for number, name in STATE_NAMES.items()}


class PortableSocket(NamedTuple):
    """A socket by its ends; addresses as in facts/addresses.py, state as in facts/sockets.py.

    remote, remote_port: 16 zero bytes and 0 if it has no peer.
    """

    local: bytes
    local_port: int
    remote: bytes
    remote_port: int
    state: int


def read_portable_sockets(
    list_rows: Callable[[str], Iterable[Any]] = psutil.net_connections,
) -> list[PortableSocket]:
    """Return the TCP sockets of this host; raises SourceError, as on macOS unless run as root.

    On Linux they are those in the process's network namespace. Some systems show only sockets that
    a process has open: then those in TIME_WAIT are missing.
    """
    try:
        rows = list_rows("tcp")
    except psutil.AccessDenied as error:
        raise SourceError(OPERATION, "this system shows connections only to root") from error
    except (psutil.Error, OSError, RuntimeError) as error:
        # psutil raises RuntimeError if a system's structures are not those it knows.
        raise SourceError(OPERATION, getattr(error, "strerror", None) or str(error)) from error
    return parse_portable_sockets(rows)


def parse_portable_sockets(rows: Iterable[Any]) -> list[PortableSocket]:
    """Return each socket once, but only one of several listening on one address and port.

    A row has psutil's laddr, raddr and status. BSD and macOS list a socket once for each process
    that has it open. Raises SourceError if an address makes no sense.
    """
    addresses: dict[str, bytes] = {}
    return list(
        dict.fromkeys(
            PortableSocket(
                *_end(row.laddr, addresses),
                *_end(row.raddr, addresses),
                NUMBERS.get(row.status, TCP_CLOSE),
            )
            for row in rows
            if row.laddr
        )
    )


def _end(end: Any, known: dict[str, bytes]) -> tuple[bytes, int]:
    if not end:
        return V6_ANY, 0
    text, port = end
    if not 0 <= port <= MAX_PORT:
        raise SourceError(OPERATION, f"port {port}")
    address = known.get(text)
    if address is None:
        address = known[text] = _parse_address(text)
    return address, port


def _parse_address(text: str) -> bytes:
    """Parse an address; an IPv6 one may name its interface after a per cent sign."""
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError as error:
        raise SourceError(OPERATION, f"expected an address, got {text[:60]!r}") from error
    match parsed:
        case IPv4Address():
            return V4_MAPPED + parsed.packed
        case IPv6Address():
            return parsed.packed


def is_connection(socket: PortableSocket) -> bool:
    """Tell whether a socket has, or had, a peer."""
    return bool(socket.remote_port) and socket.state != TCP_LISTEN


def bound_sockets(sockets: Iterable[PortableSocket]) -> Iterator[BoundSocket]:
    """Yield those that own a port without a peer; whether one at [::] accepts IPv4 is not known."""
    return (
        BoundSocket(socket.local, socket.local_port, socket.state == TCP_LISTEN, ipv6_only=False)
        for socket in sockets
        if socket.local_port and not is_connection(socket)
    )


UNKNOWN_BEGINNING = float("-inf")  # of an entry that was there before the first sample


class ObservedAges:
    """Follows the entries from sample to sample.

    A new entry began since the previous sample. The beginnings of all new ones are taken to be
    spread evenly over that time, so that rates over a few seconds come out right and a sample does
    not look like a burst. Times are milliseconds on one clock.
    """

    def __init__(self) -> None:
        self._began: Mapping[PortableSocket, float] = {}
        self._first_ms: int | None = None
        self._last_ms = 0

    def seen(
        self, entries: Iterable[PortableSocket], now_ms: int
    ) -> Mapping[PortableSocket, float]:
        """Return when each entry began; UNKNOWN_BEGINNING for those of the first sample."""
        entries = list(entries)
        new = [entry for entry in entries if entry not in self._began]
        if self._first_ms is None:
            self._first_ms = now_ms
            dates = dict.fromkeys(new, UNKNOWN_BEGINNING)
        else:
            step = (now_ms - self._last_ms) / (len(new) + 1)
            dates = {entry: self._last_ms + step * place for place, entry in enumerate(new, 1)}
        self._began = {
            entry: dates[entry] if entry in dates else self._began[entry] for entry in entries
        }
        self._last_ms = now_ms
        return self._began

    def complete(self, hold: float) -> bool:
        """Tell whether every entry was seen to begin, as samples go back `hold` seconds."""
        return self._first_ms is not None and self._last_ms - self._first_ms >= hold * 1000
