"""The sockets per family and state."""

from tcp_pressure_exporter.sample.sockets import SocketStates, socket_states
from tcp_pressure_exporter.sampling.parts.part import Asked, Kit, Reading


def sockets_part(_kit: Kit) -> Asked[SocketStates]:
    """Return the part; every system shows sockets."""
    return Asked(_states)


def _states(reading: Reading) -> SocketStates:
    return socket_states(reading.tally.get(), reading.bound.get())
