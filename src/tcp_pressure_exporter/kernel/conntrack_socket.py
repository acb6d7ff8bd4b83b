"""The netlink socket to conntrack: dumps the translated connections. Needs CAP_NET_ADMIN."""

import socket
import time
from collections.abc import Callable

from tcp_pressure_exporter.kernel.conntrack import encode_nat_request
from tcp_pressure_exporter.kernel.netlink_socket import Answer, Dump, NetlinkSocket

NETLINK_NETFILTER = 12  # include/uapi/linux/netlink.h


def open_conntrack_socket() -> socket.socket:
    """Open a socket that asks the network namespace of the calling thread."""
    return socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER
    )


class ConntrackSocket:
    """Dumps translated connections, as NetlinkSocket does."""

    def __init__(
        self,
        open_socket: Callable[[], socket.socket] = open_conntrack_socket,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._netlink = NetlinkSocket("ctnetlink dump", open_socket, clock)

    def ask(self, read: Callable[[Dump], Answer]) -> Answer:
        """Ask for all of them and read the answer; raises SourceError (EPERM without the right)."""
        return self._netlink.dump(encode_nat_request, read)

    def close(self) -> None:
        """Close the socket; the next dump opens another."""
        self._netlink.close()
