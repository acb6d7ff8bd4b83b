"""The netlink socket to NETLINK_SOCK_DIAG: dumps TCP sockets."""

import socket
import time
from collections.abc import Callable

from tcp_pressure_exporter.kernel.inet_diag import encode_request
from tcp_pressure_exporter.kernel.netlink_socket import Answer, Dump, NetlinkSocket

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
    ) -> None:
        self._netlink = NetlinkSocket("sock_diag dump", open_socket, clock)

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
