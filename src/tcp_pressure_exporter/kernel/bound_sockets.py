"""Sockets that own a port without a peer: listening, or bound only. Datagrams in, entries out."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tcp_pressure_exporter.kernel.addresses import normal_address
from tcp_pressure_exporter.kernel.errors import SourceError
from tcp_pressure_exporter.kernel.inet_diag import (
    ATTRIBUTE,
    INET_DIAG_SKV6ONLY,
    MESSAGE,
    TCP_LISTEN,
    TCPDIAG_GETSOCK,
)
from tcp_pressure_exporter.kernel.netlink import dump_payloads


class BoundSocket(NamedTuple):
    """One entry; `address` as in kernel/addresses.py, `ipv6_only` the socket's IPV6_V6ONLY."""

    address: bytes
    port: int
    listening: bool
    ipv6_only: bool


def parse_bound_sockets(datagrams: Iterable[bytes], sequence: int) -> list[BoundSocket]:
    """Return the listening and the bound-only sockets of a dump.

    Raises SourceError as `dump_payloads` does and on an entry that is cut short.
    """
    payloads = dump_payloads(datagrams, TCPDIAG_GETSOCK, sequence)
    return [_parse_entry(payload) for payload in payloads]


def _parse_entry(payload: memoryview) -> BoundSocket:
    if len(payload) < MESSAGE.size:
        raise SourceError("inet_diag message", f"{len(payload)} bytes, an entry has {MESSAGE.size}")
    family, state, _timer, _retransmits, sport, _dport, source, *_ = MESSAGE.unpack_from(payload)
    attributes = dict(_attributes(payload[MESSAGE.size :]))
    return BoundSocket(
        address=normal_address(family, source),
        port=int.from_bytes(sport),
        listening=state == TCP_LISTEN,
        ipv6_only=attributes.get(INET_DIAG_SKV6ONLY, b"\0")[:1] == b"\1",
    )


def _attributes(payload: memoryview) -> Iterator[tuple[int, bytes]]:
    """Yield (type, value) of the attributes that follow an entry."""
    while len(payload) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(payload)
        if not ATTRIBUTE.size <= length <= len(payload):
            raise SourceError("inet_diag attribute", f"length {length}, {len(payload)} bytes left")
        yield kind, bytes(payload[ATTRIBUTE.size : length])
        payload = payload[(length + 3) & ~3 :]
