"""Why a socket is in CLOSE_WAIT: the peer has closed, and this end has not yet.

The timer and the queues of its entry tell what it waits for. Source: net/ipv4/inet_diag.c
(inet_sk_diag_fill: timer and retransmits) and net/ipv4/tcp_diag.c (tcp_diag_get_info: the queues,
where a FIN that nobody has read counts as one byte).
"""

import struct
from collections.abc import Iterable

from tcp_pressure_exporter.facts.addresses import normal_address
from tcp_pressure_exporter.facts.close_wait import CloseWaitSocket, close_wait_cause
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import TCP_CLOSE_WAIT
from tcp_pressure_exporter.kernel.inet_diag import (
    INET_DIAG_INFO,
    MESSAGE,
    TCPDIAG_GETSOCK,
    attributes,
    socket_id,
)
from tcp_pressure_exporter.kernel.netlink import dump_payloads

INFO_EXTENSION = 1 << (INET_DIAG_INFO - 1)
LAST_ACK_RECV = struct.Struct("=56xI")  # tcpi_last_ack_recv in struct tcp_info, milliseconds
MAX_AGES = 8_192  # twice the entries that a tally keeps, in the same order of the hash table

COOKIE = slice(44, 52)  # idiag_cookie in struct inet_diag_msg


def close_wait_sockets(kept: Iterable[bytes]) -> list[CloseWaitSocket]:
    """Return the sockets in CLOSE_WAIT among the kept entries of a tally; raises SourceError."""
    return [_parse_entry(entry) for entry in kept if entry[1] == TCP_CLOSE_WAIT]


def _parse_entry(entry: bytes) -> CloseWaitSocket:
    (family, _state, timer, retransmits, _sport, _dport, _source, destination, _interface,
     cookie, _expires, rqueue, wqueue, _uid, inode) = MESSAGE.unpack_from(entry)  # fmt: skip
    return CloseWaitSocket(
        cookie=cookie,
        cause=close_wait_cause(timer, retransmits, rqueue, wqueue),
        remote_address=normal_address(family, destination),
        owner_id=socket_id(inode, dict(attributes(memoryview(entry)))),
    )


def parse_close_wait_ages(datagrams: Iterable[bytes], sequence: int) -> dict[bytes, float]:
    """Return for each cookie the seconds since the peer was last heard: at least so old it is.

    The FIN was heard no later. The first MAX_AGES sockets are told. Raises SourceError as
    `dump_payloads` does and on an entry that is cut short.
    """
    ages: dict[bytes, float] = {}
    for payload in dump_payloads(datagrams, TCPDIAG_GETSOCK, sequence):
        cookie, age = _parse_age(payload)
        if len(ages) < MAX_AGES:  # the others must still be received
            ages[cookie] = age
    return ages


def _parse_age(entry: memoryview) -> tuple[bytes, float]:
    if len(entry) < MESSAGE.size:
        raise SourceError("inet_diag message", f"{len(entry)} bytes, an entry has {MESSAGE.size}")
    info = dict(attributes(entry)).get(INET_DIAG_INFO, b"")
    known = len(info) >= LAST_ACK_RECV.size
    return bytes(entry[COOKIE]), LAST_ACK_RECV.unpack_from(info)[0] / 1000 if known else 0.0
