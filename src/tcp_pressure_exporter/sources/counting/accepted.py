"""The local ports outside the range at which connections were accepted.

A socket at a port that no connect() chose and where nothing listens was either bound before it
connected (NFS, a proxy's source range), or accepted: its listener is gone, or never had that port
(TPROXY, BPF's socket lookup). No entry tells which. But a port that many sockets share, each with a
different port at the other end, is the fixed one: the service's.
"""

from collections import Counter
from collections.abc import Iterable

from tcp_pressure_exporter.facts.ports import port_set
from tcp_pressure_exporter.facts.tally import MAX_PORT_PAIRS

DYNAMIC_PORTS = 32_768  # Linux's default ip_local_port_range begins here
CLEARLY = 4  # this many times as many are no coincidence

PortPair = tuple[int, int]  # local, remote


class PortPairs:
    """The ports of the first sockets outside the range."""

    def __init__(self) -> None:
        self._pairs: list[PortPair] = []

    def add(self, local: int, remote: int) -> None:
        """Note the ports of a socket."""
        if len(self._pairs) < MAX_PORT_PAIRS:
            self._pairs.append((local, remote))

    def accepted(self) -> int:
        """Return the local ports (facts/ports.py) where most of the sockets were accepted."""
        return port_set(_accepted(self._pairs))


def _accepted(pairs: Iterable[PortPair]) -> Iterable[int]:
    pairs = list(pairs)
    at_local = Counter(local for local, _remote in pairs)
    at_remote = Counter(remote for _local, remote in pairs)
    accepted = Counter(
        local
        for local, remote in pairs
        if _was_accepted(local, remote, at_local[local], at_remote[remote])
    )
    return (port for port, sockets in accepted.items() if 2 * sockets > at_local[port])


def _was_accepted(local: int, remote: int, at_local: int, at_remote: int) -> bool:
    """Tell whether a socket was probably accepted: by which port more share, or by its numbers."""
    if at_local > CLEARLY * at_remote:
        return True
    if at_remote > CLEARLY * at_local:
        return False
    return remote >= DYNAMIC_PORTS > local
