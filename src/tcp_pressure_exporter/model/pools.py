"""Port pools: the ports that the choosing side has between two fixed ends, and how many are used.

outbound: this host chooses; local address → remote address : port.
inbound: the remote chooses; remote address → local address : port.
source: this host, for applications that bind before they connect; per local address.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tcp_pressure_exporter.kernel.addresses import V4_ANY, V6_ANY, is_v4
from tcp_pressure_exporter.kernel.bound_sockets import BoundSocket
from tcp_pressure_exporter.kernel.tally import PoolCount, PoolKey, SocketTally, TallyRules
from tcp_pressure_exporter.model.groups import DEFAULT_PORTS, RemoteGroups

OUTBOUND = "outbound"
INBOUND = "inbound"
SOURCE = "source"


class Usage(NamedTuple):
    """Ports of one pool.

    used: no new connection can take them now; limit: how many the choosing side has.
    time_wait: held by TIME_WAIT alone, the reclaimable ones included.
    reclaimable: in TIME_WAIT, but a connect() would take them over; None where that cannot be.
    """

    used: int
    limit: int
    time_wait: int
    reclaimable: int | None

    @property
    def ratio(self) -> float:
        """Used ÷ limit; a pool without any port is full."""
        return self.used / self.limit if self.limit else 1.0


Usages = Mapping[PoolKey, Usage]


def pool_usages(
    tally: SocketTally,
    bound: Iterable[BoundSocket],
    rules: TallyRules,
    limit: int,
    groups: RemoteGroups,
) -> Mapping[str, Usages]:
    """Return the usage of every pool by direction; `limit` is that of this host's own ports."""
    return {
        OUTBOUND: outbound_usages(tally.outbound, rules.blocked.bit_count(), limit),
        INBOUND: inbound_usages(tally.inbound, groups),
        SOURCE: source_usages(tally, bound, rules.usable, limit),
    }


def outbound_usages(counts: Mapping[PoolKey, PoolCount], blocked: int, limit: int) -> Usages:
    """Return the usage of each outbound pool; all share `blocked` ports and one limit.

    Source: kernel, __inet_hash_connect: a port is taken where a socket was bound to it, or where
    the 4-tuple exists and is no TIME_WAIT entry that tcp_tw_reuse gives back.
    """
    return {
        key: Usage(
            blocked + count.ports - count.reclaimable,
            limit,
            count.time_wait,
            count.reclaimable,
        )
        for key, count in counts.items()
    }


def inbound_usages(counts: Mapping[PoolKey, PoolCount], groups: RemoteGroups) -> Usages:
    """Return the usage of each inbound pool: remote ports that have a socket here, in any state.

    A remote may use a port again that is in TIME_WAIT here, if its sequence number or timestamp
    is newer (RFC 6191): `used` is an upper bound of what it cannot use.
    """
    return {
        key: Usage(count.ports, _remote_ports(key, groups), count.time_wait, None)
        for key, count in counts.items()
    }


def _remote_ports(key: PoolKey, groups: RemoteGroups) -> int:
    group = groups.find(key.remote_address) if groups else None
    return group.ports if group else DEFAULT_PORTS


def source_usages(
    tally: SocketTally, bound: Iterable[BoundSocket], usable: int, limit: int
) -> Usages:
    """Return the usage of each local address: ports that bind(address, port 0) cannot get.

    Source: kernel, inet_csk_find_open_port: any socket at the address or at a wildcard of its
    family holds the port, TIME_WAIT included, whatever its destination. `usable` is a port set.
    """
    owned = _OwnedPorts(bound)
    return {
        PoolKey(address, b"", b""): _source_usage(
            usable & held, usable & live, usable & owned.against(address), limit
        )
        for address, (held, live) in tally.by_address.items()
    }


def _source_usage(held: int, live: int, owned: int, limit: int) -> Usage:
    time_wait = held & ~live & ~owned
    return Usage((held | owned).bit_count(), limit, time_wait.bit_count(), None)


class _OwnedPorts:
    """The ports of bound and listening sockets, by the addresses that they exclude."""

    def __init__(self, bound: Iterable[BoundSocket]) -> None:
        self._by_address: dict[bytes, int] = {}
        self._dual_stack = 0
        for socket in bound:
            bit = 1 << socket.port
            self._by_address[socket.address] = self._by_address.get(socket.address, 0) | bit
            if socket.address == V6_ANY and not socket.ipv6_only:
                self._dual_stack |= bit

    def against(self, address: bytes) -> int:
        """Return the ports at which some socket excludes a bind to the address."""
        wildcard = (
            self._by_address.get(V4_ANY, 0) | self._dual_stack
            if is_v4(address)
            else self._by_address.get(V6_ANY, 0)
        )
        return wildcard | self._by_address.get(address, 0)
