"""Sockets per family on the wire and TCP state."""

from collections.abc import Iterable, Mapping

from tcp_pressure_exporter.facts.addresses import is_v4
from tcp_pressure_exporter.facts.sockets import STATE_NAMES, TCP_LISTEN, BoundSocket
from tcp_pressure_exporter.facts.tally import SocketTally

FAMILIES = {True: "ipv4", False: "ipv6"}

SocketStates = Mapping[tuple[str, str], int]


def socket_states(tally: SocketTally, bound: Iterable[BoundSocket]) -> SocketStates:
    """Return sockets by (family, state name): every pair that the tally tells.

    A v4-mapped socket is IPv4. A listener on [::] that takes IPv4 too is one IPv6 socket.
    """
    counts = {
        (family, name): tally.states[v4, state]
        for v4, family in FAMILIES.items()
        for state, name in STATE_NAMES.items()
        if (v4, state) in tally.states
    }
    for socket in bound:
        if socket.listening:
            counts[FAMILIES[is_v4(socket.address)], STATE_NAMES[TCP_LISTEN]] += 1
    return counts
