"""Which local ports are served: their sockets were accepted here, not connected from here.

A port keeps its role for a while after its listener has closed: the accepted sockets that remain
still own it, and no connect() can choose it, but nothing in an entry tells that it was accepted.
"""

from collections.abc import Mapping

from tcp_pressure_exporter.facts.ports import ports_of

# Two lengths of TIME_WAIT. A port held for longer without a pause may by now be an ephemeral one.
MEMORY_SECONDS = 120.0

ServedPorts = Mapping[int, float]


def served_ports(previous: ServedPorts, listening: int, held: int, now: float) -> ServedPorts:
    """Return the served ports with the time (of `now`'s clock) each was last seen listening.

    `listening` is the set of ports that listen now, `held` the set of local ports that sockets
    held at the sample before (facts/ports.py).
    """
    draining = {
        port: seen
        for port, seen in previous.items()
        if held >> port & 1 and now - seen < MEMORY_SECONDS
    }
    return draining | dict.fromkeys(ports_of(listening), now)
