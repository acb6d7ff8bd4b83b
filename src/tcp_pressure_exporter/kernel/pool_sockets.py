"""The live sockets of some pools, with what leads to their owners. TIME_WAIT has no owner."""

from collections.abc import Iterable

from tcp_pressure_exporter.facts.addresses import normal_address
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.tally import PoolKey, PoolSocket
from tcp_pressure_exporter.kernel.inet_diag import MESSAGE, TCPDIAG_GETSOCK, attributes, socket_id
from tcp_pressure_exporter.kernel.netlink import dump_payloads

MAX_SOCKETS = 65_536  # more of them are not looked at


def parse_pool_sockets(datagrams: Iterable[bytes], sequence: int) -> list[PoolSocket]:
    """Return the first MAX_SOCKETS sockets of a dump.

    Raises SourceError as `dump_payloads` does and on an entry that is cut short.
    """
    found: list[PoolSocket] = []
    for payload in dump_payloads(datagrams, TCPDIAG_GETSOCK, sequence):
        if len(found) < MAX_SOCKETS:  # the others must still be received
            found.append(_parse_entry(payload))
    return found


def _parse_entry(payload: memoryview) -> PoolSocket:
    if len(payload) < MESSAGE.size:
        raise SourceError("inet_diag message", f"{len(payload)} bytes, an entry has {MESSAGE.size}")
    (family, _state, _timer, _retransmits, sport, dport, source, destination, *_,
     inode) = MESSAGE.unpack_from(payload)  # fmt: skip
    local, remote = normal_address(family, source), normal_address(family, destination)
    return PoolSocket(
        PoolKey(local, remote, dport),
        int.from_bytes(sport),
        socket_id(inode, dict(attributes(payload))),
    )
