"""Pools of sockets that are bound to an interface, and how they relate to those that are not.

The kernel tells the same ends apart by the interface (SO_BINDTODEVICE, a link-local scope), but not
both ways: a socket bound to none conflicts with every other (include/net/inet_hashtables.h,
inet_bound_dev_eq), while a connect() without an interface ignores those that have one.
"""

from collections.abc import Callable, Iterator, Mapping

from tcp_pressure_exporter.facts.addresses import format_address
from tcp_pressure_exporter.facts.tally import (
    AddressPorts,
    LocalAddress,
    PoolCount,
    PoolKey,
)

ScopeName = Callable[[int], str]  # the interface's name, or what else follows an address
ByAddress = Mapping[LocalAddress, AddressPorts]


def scoped_address(address: bytes, scope: int, name: ScopeName) -> str:
    """Write an address, followed by its scope where it has one (RFC 4007, section 11)."""
    text = format_address(address)
    return f"{text}%{name(scope)}" if scope else text


def ports_for_connect(by_address: ByAddress, local: LocalAddress) -> AddressPorts | None:
    """Return the ports held by sockets that may conflict with a connect() from there."""
    known = [by_address[end] for end in {local, local._replace(scope=0)} if end in by_address]
    return merged(known) if known else None


def merged(found: list[AddressPorts]) -> AddressPorts:
    """Return the union of several."""
    if len(found) == 1:
        return found[0]
    held, live = 0, 0
    for ports in found:
        held |= ports.held
        live |= ports.live or 0
    return AddressPorts(held, None if any(ports.live is None for ports in found) else live)


def ports_of_unbound(rows: Mapping[PoolKey, PoolCount], key: PoolKey) -> int:
    """Return how many ports the pool with the same ends but no interface has.

    0 where the key has no scope, or where that pool is too little used to have a row.
    """
    unbound = rows.get(key._replace(scope=0)) if key.scope else None
    return unbound.ports - unbound.reclaimable if unbound else 0


def ports_for_bind(by_address: ByAddress) -> Iterator[tuple[LocalAddress, AddressPorts]]:
    """Yield each local address, and the ports that a bind() there cannot get.

    A bind() without an interface conflicts with any (net/ipv4/inet_connection_sock.c,
    inet_bind_conflict).
    """
    scopes: dict[bytes, list[LocalAddress]] = {}
    for end in by_address:
        scopes.setdefault(end.address, []).append(end)
    for end in by_address:
        in_the_way = [
            by_address[other]
            for other in scopes[end.address]
            if not end.scope or other.scope in {0, end.scope}
        ]
        yield end, merged(in_the_way)
