"""What netlink tells alongside a walk of the kernel's table: everything that needs no walk."""

from collections.abc import Sequence

from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally
from tcp_pressure_exporter.facts.sockets import PortSocket, RemoteEnd
from tcp_pressure_exporter.facts.tally import PoolKey, PoolSocket
from tcp_pressure_exporter.facts.time_wait import TimeWaitLengths
from tcp_pressure_exporter.sources.netlink.sockets import NetlinkSockets


class BesideNetlink:
    """Asks netlink, in the network namespace of the calling thread; raises SourceError."""

    def __init__(self, netlink: NetlinkSockets) -> None:
        self._netlink = netlink

    def bound_sockets(self, rules: BoundRules) -> BoundTally:
        """Return the listening sockets and, if they are looked for, the bound-only ones."""
        return self._netlink.bound_sockets(rules)

    def pool_sockets(self, remotes: Sequence[RemoteEnd]) -> list[PoolSocket]:
        """Return the live sockets connected to some remote ends."""
        return self._netlink.pool_sockets(remotes)

    def port_sockets(self, port: int) -> list[PortSocket]:
        """Return the sockets of every state that hold a local port."""
        return self._netlink.port_sockets(port)

    def time_wait_age(
        self, key: PoolKey, local_port: int, lengths: TimeWaitLengths
    ) -> float | None:
        """Return how long, in seconds, a pool's connection on a port has been in TIME_WAIT.

        None if it is not in TIME_WAIT.
        """
        return self._netlink.time_wait_age(key, local_port, lengths)

    def close(self) -> None:
        """Close the netlink socket. The program is shared; whoever opened it closes it."""
        self._netlink.close()
