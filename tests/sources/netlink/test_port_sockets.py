"""The sockets of one local port, from the kernel's answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import TCP_BOUND_INACTIVE, PortSocket, SocketId
from tcp_pressure_exporter.sources.netlink import entries as module
from tcp_pressure_exporter.sources.netlink.entries import parse_port_sockets
from tests.support.messages.datagrams import (
    CLOSE,
    ESTABLISHED,
    GETSOCK,
    SEQUENCE,
    Entry,
    diag_message,
    done,
    dump_of,
    message,
)
from tests.support.messages.socket_entries import LOCAL_PORTS, entries, sixteen_bytes

TIMER_TIME_WAIT = 3  # net/ipv4/inet_diag.c, inet_twsk_diag_fill
PORT = LOCAL_PORTS[0]


def of_port(entry: Entry) -> PortSocket:
    remote = entry.remote if entry.remote_port else entry.local  # as diag_message writes it
    return PortSocket(
        state=TCP_BOUND_INACTIVE if entry.state == CLOSE else entry.state,
        address=sixteen_bytes(entry.local),
        port=entry.local_port,
        remote_address=sixteen_bytes(remote),
        remote_port=entry.remote_port,
        owner_id=SocketId(entry.inode, None),
        seconds_left=entry.expires / 1000 if entry.timer == TIMER_TIME_WAIT else None,
        scope=entry.interface,
    )


@given(entries(), st.sampled_from(LOCAL_PORTS))
def test_any_sockets(found: list[Entry], port: int) -> None:
    """Each entry of the port gives its socket, in order; those of other ports are left out."""
    expected = [of_port(entry) for entry in found if entry.local_port == port]
    assert parse_port_sockets(dump_of(found), SEQUENCE, port) == expected


def test_too_many_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only sockets of the port count towards the bound; the rest of the dump must end well."""
    monkeypatch.setattr(module, "MAX_SOCKETS", 2)
    others = [Entry(CLOSE, "10.0.0.2", PORT + 1) for _ in range(3)]
    own = [Entry(ESTABLISHED, "10.0.0.2", PORT, "10.0.0.9", 443 + i) for i in range(3)]
    found = parse_port_sockets(dump_of(others + own), SEQUENCE, PORT)
    assert [socket.remote_port for socket in found] == [443, 444]
    with pytest.raises(SourceError, match="ended before NLMSG_DONE"):
        parse_port_sockets(dump_of(own)[:-1], SEQUENCE, PORT)


@pytest.mark.parametrize("size", [0, 71])
def test_cut_entry(size: int) -> None:
    """An entry shorter than struct inet_diag_msg is a SourceError."""
    entry = diag_message(Entry(ESTABLISHED, "10.0.0.2", PORT, "10.0.0.9", 443))[:size]
    with pytest.raises(SourceError, match=f"^inet_diag message: {size} bytes, an entry has 72$"):
        parse_port_sockets([message(GETSOCK, entry), done()], SEQUENCE, PORT)


@given(st.lists(st.binary(max_size=100)))
def test_random_entries(payloads: list[bytes]) -> None:
    """Any bytes in an entry's place give at most a socket each, or a SourceError."""
    datagrams = [*(message(GETSOCK, payload) for payload in payloads), done()]
    try:
        assert len(parse_port_sockets(datagrams, SEQUENCE, PORT)) <= len(payloads)
    except SourceError as error:
        assert error.operation.startswith("inet_diag ")  # noqa: PT017 - or a result
