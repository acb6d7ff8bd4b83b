"""The netlink socket to NETLINK_SOCK_DIAG: dumps TCP sockets, where the kernel lets it."""

import errno
import socket
import time
from collections.abc import Callable

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.system import LINUX
from tcp_pressure_exporter.sources.netlink.entries import parse_bound_sockets
from tcp_pressure_exporter.sources.netlink.inet_diag import LISTENING, encode_request
from tcp_pressure_exporter.sources.netlink.socket import Answer, Dump, NetlinkSocket, coarse_ms

NETLINK_SOCK_DIAG = 4  # include/uapi/linux/netlink.h


def open_diag_socket() -> socket.socket:
    """Open a socket that asks the network namespace of the calling thread."""
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
    ) -> Answer:
        """Ask for sockets as `encode_request` does, and read the answer; raises SourceError."""
        return self._netlink.dump(
            lambda sequence: encode_request(states, sequence, extensions, attribute), read
        )

    def close(self) -> None:
        """Close the socket; the next dump opens another."""
        self._netlink.close()


# What a kernel without sock_diag answers, and what a sandbox that denies it does.
DENIALS = frozenset(
    {
        *("EPERM", "EACCES", "ENOSYS", "ENOENT"),
        *("EAFNOSUPPORT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EOPNOTSUPP"),
    }
)


def why_no_netlink(platform: str, diag: DiagSocket) -> str | None:
    """Return why sockets cannot be read by netlink, None where they can.

    Also None where it failed for a reason that may pass: the next sample is to try again.
    """
    if platform != LINUX:
        return f"{platform} has no netlink"
    try:
        diag.ask(LISTENING, lambda dump: parse_bound_sockets(dump.contents(), dump.sequence))
    except SourceError as error:
        cause = error.__cause__
        number = cause.errno if isinstance(cause, OSError) else None
        name = errno.errorcode.get(number or 0) or error.reason.partition(":")[0]
        return str(error) if name in DENIALS else None
    finally:
        diag.close()
    return None
