"""Sockets per family on the wire and TCP state."""

from collections.abc import Iterable, Mapping

from tcp_pressure_exporter.facts.addresses import is_v4
from tcp_pressure_exporter.facts.sockets import STATE_NAMES, TCP_LISTEN, TCP_TIME_WAIT, BoundSocket
from tcp_pressure_exporter.facts.tally import SocketTally

FAMILIES = {True: "ipv4", False: "ipv6"}

SocketStates = Mapping[tuple[str, str], int]


def socket_states(tally: SocketTally, bound: Iterable[BoundSocket]) -> SocketStates:
    """Return sockets by (family, state name): every pair that the system shows, zeros included.

    A v4-mapped socket is IPv4. A listener on [::] that takes IPv4 too is one IPv6 socket.
    """
    names = dict(STATE_NAMES)
    if not tally.shows_time_wait:
        del names[TCP_TIME_WAIT]
    counts = {(family, state): 0 for family in FAMILIES.values() for state in names.values()}
    for (v4, state), count in tally.states.items():
        counts[FAMILIES[v4], STATE_NAMES[state]] += count
    for socket in bound:
        if socket.listening:
            counts[FAMILIES[is_v4(socket.address)], STATE_NAMES[TCP_LISTEN]] += 1
    return counts
