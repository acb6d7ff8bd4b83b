"""Sockets that own a port without a peer: listening, or bound only. Datagrams in, entries out."""

from collections.abc import Iterable

from tcp_pressure_exporter.facts.addresses import normal_address
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import TCP_LISTEN, BoundSocket
from tcp_pressure_exporter.kernel.inet_diag import (
    INET_DIAG_SKV6ONLY,
    MESSAGE,
    TCPDIAG_GETSOCK,
    attributes,
    socket_id,
)
from tcp_pressure_exporter.kernel.netlink import dump_payloads


def parse_bound_sockets(datagrams: Iterable[bytes], sequence: int) -> list[BoundSocket]:
    """Return the listening and the bound-only sockets of a dump.

    Without those that were closed between being found and being described: they have no port left.

    Raises SourceError as `dump_payloads` does and on an entry that is cut short.
    """
    payloads = dump_payloads(datagrams, TCPDIAG_GETSOCK, sequence)
    sockets = (_parse_entry(payload) for payload in payloads)
    return [socket for socket in sockets if socket.port]


def _parse_entry(payload: memoryview) -> BoundSocket:
    if len(payload) < MESSAGE.size:
        raise SourceError("inet_diag message", f"{len(payload)} bytes, an entry has {MESSAGE.size}")
    (family, state, _timer, _retransmits, sport, _dport, source, _destination, _interface,
     _cookie, _expires, rqueue, wqueue, _uid, inode) = MESSAGE.unpack_from(payload)  # fmt: skip
    found = dict(attributes(payload))
    return BoundSocket(
        address=normal_address(family, source),
        port=int.from_bytes(sport),
        listening=state == TCP_LISTEN,
        ipv6_only=found.get(INET_DIAG_SKV6ONLY, b"\0")[:1] == b"\1",
        queue_used=rqueue,
        queue_limit=wqueue,
        owner_id=socket_id(inode, found),
    )
