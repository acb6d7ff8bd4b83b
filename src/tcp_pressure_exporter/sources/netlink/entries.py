"""The entries of small dumps: those of a few pools, and those in CLOSE_WAIT.

Datagrams in, records out. Every length is checked before it is used.
"""

import struct
from collections.abc import Iterable

from tcp_pressure_exporter.facts.addresses import normal_address
from tcp_pressure_exporter.facts.close_wait import CloseWaitSocket, close_wait_cause
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import (
    TCP_BOUND_INACTIVE,
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_TIME_WAIT,
    PortSocket,
)
from tcp_pressure_exporter.facts.tally import PoolKey, PoolSocket
from tcp_pressure_exporter.facts.time_wait import TimeWaitLengths
from tcp_pressure_exporter.sources.netlink.inet_diag import (
    INET_DIAG_INFO,
    MESSAGE,
    TCPDIAG_GETSOCK,
    entry_attributes,
    socket_id,
)
from tcp_pressure_exporter.sources.netlink.messages import dump_payloads, single_payload

TIMER_TIME_WAIT = 3  # of mini-sockets (net/ipv4/inet_diag.c, inet_twsk_diag_fill)
MAX_SOCKETS = 65_536  # no more than these are looked at


def parse_pool_sockets(datagrams: Iterable[bytes], sequence: int) -> list[PoolSocket]:
    """Return the first MAX_SOCKETS sockets of a dump.

    Raises SourceError as `dump_payloads` does and on an entry that is cut short.
    """
    found: list[PoolSocket] = []
    for payload in dump_payloads(datagrams, TCPDIAG_GETSOCK, sequence):
        if len(found) < MAX_SOCKETS:  # the others must still be received
            found.append(_parse_pool_socket(payload))
    return found


def _parse_pool_socket(payload: memoryview) -> PoolSocket:
    if len(payload) < MESSAGE.size:
        raise SourceError("inet_diag message", f"{len(payload)} bytes, an entry has {MESSAGE.size}")
    (family, state, _timer, _retransmits, sport, dport, source, destination, interface, *_,
     inode) = MESSAGE.unpack_from(payload)  # fmt: skip
    local, remote = normal_address(family, source), normal_address(family, destination)
    return PoolSocket(
        PoolKey(local, remote, dport, interface),
        int.from_bytes(sport),
        socket_id(inode, dict(entry_attributes(payload))),
        state,
    )


def parse_port_sockets(datagrams: Iterable[bytes], sequence: int, port: int) -> list[PortSocket]:
    """Return the first MAX_SOCKETS sockets of a dump that hold a local port, leaving out others.

    Raises SourceError as `dump_payloads` does and on an entry that is cut short.
    """
    found: list[PortSocket] = []
    for payload in dump_payloads(datagrams, TCPDIAG_GETSOCK, sequence):
        if len(found) < MAX_SOCKETS and (socket := _parse_port_socket(payload)).port == port:
            found.append(socket)
    return found


def _parse_port_socket(payload: memoryview) -> PortSocket:
    if len(payload) < MESSAGE.size:
        raise SourceError("inet_diag message", f"{len(payload)} bytes, an entry has {MESSAGE.size}")
    (family, state, timer, _retransmits, sport, dport, source, destination, interface,
     _cookie, expires, *_, inode) = MESSAGE.unpack_from(payload)  # fmt: skip
    return PortSocket(
        state=TCP_BOUND_INACTIVE if state == TCP_CLOSE else state,
        address=normal_address(family, source),
        port=int.from_bytes(sport),
        remote_address=normal_address(family, destination),
        remote_port=int.from_bytes(dport),
        owner_id=socket_id(inode, dict(entry_attributes(payload))),
        seconds_left=expires / 1000 if timer == TIMER_TIME_WAIT else None,
        scope=interface,
    )


def parse_time_wait_age(
    datagrams: Iterable[bytes], sequence: int, lengths: TimeWaitLengths
) -> float | None:
    """Return how many seconds the connection asked for has been in TIME_WAIT.

    None if it is in another state, or does not exist. Raises SourceError as `single_payload` does,
    and on a truncated entry.
    """
    payload = single_payload(datagrams, TCPDIAG_GETSOCK, sequence)
    if payload is None:
        return None
    if len(payload) < MESSAGE.size:
        raise SourceError("inet_diag message", f"{len(payload)} bytes, an entry has {MESSAGE.size}")
    (_family, state, _timer, _retransmits, _sport, _dport, _source, _destination, _interface,
     _cookie, expires, *_) = MESSAGE.unpack_from(payload)  # fmt: skip
    return lengths.age_ms(expires) / 1000 if state == TCP_TIME_WAIT else None


INFO_EXTENSION = 1 << (INET_DIAG_INFO - 1)
LAST_ACK_RECV = struct.Struct("=56xI")  # tcpi_last_ack_recv in struct tcp_info, milliseconds
MAX_AGES = 8_192  # twice the entries that a tally keeps, in the same order, that of the hash table

COOKIE = slice(44, 52)  # idiag_cookie in struct inet_diag_msg
EXPIRES = struct.Struct("=52xI")  # idiag_expires, ms


def close_wait_sockets(kept: Iterable[bytes]) -> list[CloseWaitSocket]:
    """Return the sockets in CLOSE_WAIT among the kept entries of a tally; raises SourceError."""
    return [_parse_close_wait_socket(entry) for entry in kept if entry[1] == TCP_CLOSE_WAIT]


def _parse_close_wait_socket(entry: bytes) -> CloseWaitSocket:
    (family, _state, timer, retransmits, sport, dport, source, destination, interface,
     cookie, _expires, rqueue, wqueue, _uid, inode) = MESSAGE.unpack_from(entry)  # fmt: skip
    local, remote = normal_address(family, source), normal_address(family, destination)
    return CloseWaitSocket(
        cookie=cookie,
        ends=b"".join((local, sport, remote, dport, interface.to_bytes(4))),
        cause=close_wait_cause(timer, retransmits, rqueue, wqueue),
        remote_address=remote,
        owner_id=socket_id(inode, dict(entry_attributes(memoryview(entry)))),
        local_address=local,
        local_port=int.from_bytes(sport),
        accepted=inode != 0,
    )


def close_wait_silences(kept: Iterable[bytes]) -> dict[bytes, float]:
    """Return the seconds since the peer was last heard from, by cookie, as the timer gives them.

    It does in the entries that a walk keeps (sources/bpf/walk/readable.py); in sock_diag's, the
    timer is the time until something is sent again.
    """
    return {entry[COOKIE]: EXPIRES.unpack_from(entry)[0] / 1000 for entry in kept}


def parse_close_wait_ages(datagrams: Iterable[bytes], sequence: int) -> dict[bytes, float]:
    """Return for each cookie the seconds since the peer was last heard from: the minimum age.

    The FIN came no later. Only the first MAX_AGES sockets are returned, and the rest of the dump is
    then not received. Raises SourceError as `dump_payloads` does, and on a truncated entry.
    """
    ages: dict[bytes, float] = {}
    for payload in dump_payloads(datagrams, TCPDIAG_GETSOCK, sequence):
        cookie, age = _parse_close_wait_age(payload)
        ages[cookie] = age
        if len(ages) == MAX_AGES:
            break
    return ages


def _parse_close_wait_age(entry: memoryview) -> tuple[bytes, float]:
    if len(entry) < MESSAGE.size:
        raise SourceError("inet_diag message", f"{len(entry)} bytes, an entry has {MESSAGE.size}")
    info = dict(entry_attributes(entry)).get(INET_DIAG_INFO, b"")
    known = len(info) >= LAST_ACK_RECV.size
    return bytes(entry[COOKIE]), LAST_ACK_RECV.unpack_from(info)[0] / 1000 if known else 0.0
