"""The owner of a connection that no application has accepted yet: its listener's owner.

Source: net/ipv4/inet_hashtables.c, __inet_lookup_listener: a listener at that exact address is
preferred to one at any address; net/ipv6/inet6_hashtables.c has the same order.
"""

from collections.abc import Iterable

from tcp_pressure_exporter.facts.addresses import V4_ANY, V6_ANY, is_v4
from tcp_pressure_exporter.facts.sockets import UNKNOWN_SOCKET, BoundSocket, SocketId


class Listeners:
    """The listening ones among some bound sockets; of several at one address, the busiest."""

    def __init__(self, bound: Iterable[BoundSocket]) -> None:
        self._found: dict[tuple[bytes, int], BoundSocket] = {}
        for socket in bound:
            end = (socket.address, socket.port)
            other = self._found.get(end)
            if socket.listening and (other is None or socket.queue_used > other.queue_used):
                self._found[end] = socket

    def owner_id(self, address: bytes, port: int) -> SocketId:
        """Return the id that leads to the owner of the listener for a connection to this end."""
        wildcards = (V4_ANY, V6_ANY) if is_v4(address) else (V6_ANY,)
        for candidate in (address, *wildcards):
            listener = self._found.get((candidate, port))
            if listener and not (is_v4(address) and candidate == V6_ANY and listener.ipv6_only):
                return listener.owner_id
        return UNKNOWN_SOCKET
