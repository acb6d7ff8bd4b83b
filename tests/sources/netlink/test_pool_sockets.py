import os
import struct
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import RemoteEnd, SocketId
from tcp_pressure_exporter.facts.tally import PoolSocket
from tcp_pressure_exporter.sources.netlink import entries as module
from tcp_pressure_exporter.sources.netlink.entries import parse_pool_sockets
from tests.sources.counting.counting import key
from tests.sources.counting.faults import Fault, faults, with_fault
from tests.sources.counting.recordings import recorded_datagrams, ss_lines
from tests.support.labs.lab import SERVER_PORT, Lab, time_wait_here
from tests.support.messages.datagrams import (
    ESTABLISHED,
    GETSOCK,
    SEQUENCE,
    SYN_RECV,
    Entry,
    attribute,
    diag_message,
    done,
    dump_of,
    message,
)
from tests.support.messages.socket_entries import entries, sixteen_bytes
from tests.support.sampled import Namespace

SHUTDOWN, CGROUP_ID = 8, 21  # INET_DIAG_* in include/uapi/linux/inet_diag.h
ANYWHERE = RemoteEnd(None, SERVER_PORT.to_bytes(2, "big"))


def parse(*found: Entry) -> list[PoolSocket]:
    return parse_pool_sockets(dump_of(found), SEQUENCE)


def test_sockets() -> None:
    """A socket has the ends of its outbound pool, its local port, its owner's id and its state."""
    cgroup = attribute(SHUTDOWN, b"\1") + attribute(CGROUP_ID, struct.pack("=Q", 2**40))
    assert parse(
        Entry(
            *(ESTABLISHED, "10.0.0.2", 40000, "10.0.0.9", 443), inode=2**32 - 1, attributes=cgroup
        ),
        Entry(SYN_RECV, "::ffff:10.0.0.2", 65535, "::ffff:10.0.0.9", 443, inode=5),
        Entry(ESTABLISHED, "2001:db8::2", 1, "2001:db8::9", 65535),
    ) == [
        PoolSocket(
            key("10.0.0.2", "10.0.0.9", 443), 40000, SocketId(2**32 - 1, 2**40), ESTABLISHED
        ),
        PoolSocket(key("10.0.0.2", "10.0.0.9", 443), 65535, SocketId(5, None), SYN_RECV),
        PoolSocket(key("2001:db8::2", "2001:db8::9", 65535), 1, SocketId(0, None), ESTABLISHED),
    ]


@given(entries())
def test_any_sockets(found: list[Entry]) -> None:
    """Each entry of a dump gives its socket, in the order of the dump."""
    assert parse(*found) == [
        PoolSocket(
            key(entry.local, entry.remote, entry.remote_port, entry.interface),
            *(entry.local_port, SocketId(entry.inode, None), entry.state),
        )
        for entry in found
    ]


def test_too_many_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the first sockets are examined; the rest of the dump must still end well."""
    monkeypatch.setattr(module, "MAX_SOCKETS", 2)
    found = [Entry(ESTABLISHED, "10.0.0.2", 40000 + i, "10.0.0.9", 443) for i in range(5)]
    assert [socket.local_port for socket in parse(*found)] == [40000, 40001]
    with pytest.raises(SourceError, match="ended before NLMSG_DONE"):
        parse_pool_sockets(dump_of(found)[:-1], SEQUENCE)


@pytest.mark.parametrize("size", [0, 71])
def test_cut_entry(size: int) -> None:
    """An entry shorter than struct inet_diag_msg is a SourceError."""
    entry = diag_message(Entry(ESTABLISHED, "10.0.0.2", 40000, "10.0.0.9", 443))[:size]
    with pytest.raises(SourceError, match=f"^inet_diag message: {size} bytes, an entry has 72$"):
        parse_pool_sockets([message(GETSOCK, entry), done()], SEQUENCE)


@given(st.lists(st.binary(max_size=100)))
def test_random_entries(payloads: list[bytes]) -> None:
    """Any bytes in an entry's place give a socket each or a SourceError."""
    datagrams = [*(message(GETSOCK, payload) for payload in payloads), done()]
    try:
        assert len(parse_pool_sockets(datagrams, SEQUENCE)) == len(payloads)
    except SourceError as error:
        assert error.operation.startswith("inet_diag ")  # noqa: PT017 - or a result


@given(faults("main"))
def test_damaged_recording(fault: Fault) -> None:
    """A recorded dump with one fault gives at most its 270 sockets, or a SourceError."""
    try:
        assert len(parse_pool_sockets(with_fault("main", fault), SEQUENCE)) <= 270
    except SourceError as error:
        assert error.reason  # noqa: PT017 - or a result


def test_recording() -> None:
    """The recorded sockets have the ends that `ss` showed."""
    found = parse_pool_sockets(recorded_datagrams("main"), SEQUENCE)
    assert Counter((socket.key, socket.local_port) for socket in found) == Counter(
        (key(line.local, line.remote, line.remote_port), line.local_port)
        for line in ss_lines()
        if line.state != "LISTEN"
    )


def test_real_sockets(lab: Lab) -> None:
    """Live sockets are returned with their inodes; those in TIME_WAIT are not."""
    clients = [lab.connect("127.0.0.9")[0], lab.connect("::1")[0]]
    time_wait_here(lab.connect("127.0.0.9"))
    namespace = Namespace()
    found = namespace.pool_sockets([ANYWHERE])
    namespace.close()
    assert {(s.key.remote_address, s.local_port, s.owner_id.inode) for s in found} == {
        (
            sixteen_bytes(client.getpeername()[0]),
            client.getsockname()[1],
            os.fstat(client.fileno()).st_ino,
        )
        for client in clients
    }
    assert len(found) == 2
