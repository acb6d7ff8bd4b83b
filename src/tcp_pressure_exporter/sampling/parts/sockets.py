"""Sockets per family and state."""

from tcp_pressure_exporter.sample.sockets import SocketStates, socket_states
from tcp_pressure_exporter.sampling.parts.part import Kit, Reading


class SocketsPart:
    """Remembers nothing."""

    needs = ()

    def take(self, reading: Reading) -> SocketStates:
        """Return the counts of the dump, and of the listeners; raises SourceError."""
        return socket_states(reading.tally.get(), reading.bound.get())


def sockets_part(_kit: Kit) -> SocketsPart:
    """Return the part; every system shows sockets."""
    return SocketsPart()
