import os
import socket
import struct
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import BoundSocket, SocketId
from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.sample.sockets import listen_queues
from tests.sources.counting.bound_counting import bound
from tests.sources.counting.faults import Fault, faults, with_fault
from tests.sources.counting.recordings import recorded_datagrams, ss_lines
from tests.support.labs.lab import SERVER_PORT, Lab
from tests.support.messages.datagrams import (
    CLOSE,
    GETSOCK,
    LISTEN,
    Entry,
    attribute,
    diag_message,
    done,
    dump_of,
    message,
)
from tests.support.messages.socket_entries import sixteen_bytes
from tests.support.sampled import Namespace

SHUTDOWN, SKV6ONLY, CGROUP_ID = 8, 11, 21  # INET_DIAG_* in include/uapi/linux/inet_diag.h

IP_TRANSPARENT = 19  # include/uapi/linux/in.h


def parse(*entries: Entry) -> list[BoundSocket]:
    return list(bound(dump_of(entries)).kept)


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        ("0.0.0.0", "0.0.0.0"),
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("::ffff:0.0.0.0", "0.0.0.0"),
        ("::", "::"),
        ("::1", "::1"),
    ],
)
def test_address(address: str, normal: str) -> None:
    """The address has 16 bytes, IPv4 and v4-mapped ones in the same form."""
    [found] = parse(Entry(LISTEN, address, 8080))
    ends = (sixteen_bytes(normal), 8080)
    assert found == BoundSocket(*ends, listening=True, ipv6_only=False, queue_limit=0)


@pytest.mark.parametrize("port", [1, 255, 256, 8080, 65535])
def test_port(port: int) -> None:
    """The port is in network order on the wire."""
    assert parse(Entry(LISTEN, "::1", port))[0].port == port


def test_closed_meanwhile() -> None:
    """A socket closed during the dump has no port left, and is left out."""
    assert parse(Entry(CLOSE, "::1", 0)) == []


def test_listening_or_bound_only() -> None:
    """A bound-only socket is reported in state CLOSE; only LISTEN is listening."""
    found = parse(Entry(LISTEN, "::1", 8080), Entry(CLOSE, "::1", 8081))
    assert [socket.listening for socket in found] == [True, False]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (b"", False),
        (attribute(SKV6ONLY, b"\0"), False),
        (attribute(SKV6ONLY, b"\1"), True),
        (attribute(SHUTDOWN, b"\1") + attribute(SKV6ONLY, b"\1"), True),
        (attribute(SKV6ONLY, b"\1") + attribute(CGROUP_ID, bytes(8)), True),
        (attribute(SHUTDOWN, b"\1") + attribute(CGROUP_ID, b"\1" * 8), False),
        (attribute(SKV6ONLY, b""), False),
    ],
)
def test_ipv6_only(attributes: bytes, *, expected: bool) -> None:
    """IPV6_V6ONLY is the attribute SKV6ONLY, wherever it is among the others."""
    [found] = parse(Entry(LISTEN, "::", 8080, attributes=attributes))
    assert found.ipv6_only is expected


@pytest.mark.parametrize(("used", "limit"), [(0, 4096), (97, 128), (1, 0), (0, 2**32 - 1)])
def test_queue(used: int, limit: int) -> None:
    """A listener's rqueue is its accept queue, its wqueue how many may wait there."""
    [found] = parse(Entry(LISTEN, "::1", 8080, rqueue=used, wqueue=limit))
    assert (found.queue_used, found.queue_limit) == (used, limit)


def test_owner() -> None:
    """Inode and cgroup id lead to the owner, even among other attributes."""
    cgroup = attribute(SKV6ONLY, b"\1") + attribute(CGROUP_ID, struct.pack("=Q", 2**33))
    found = parse(
        Entry(LISTEN, "::1", 8080, inode=2**32 - 1, attributes=cgroup),
        Entry(CLOSE, "127.0.0.1", 8081, inode=7),
    )
    assert [s.owner_id for s in found] == [SocketId(2**32 - 1, 2**33), SocketId(7, None)]


def test_last_attribute_without_padding() -> None:
    """The last attribute may come without its padding."""
    unpadded = struct.pack("=HHB", 5, SKV6ONLY, 1)
    assert parse(Entry(LISTEN, "::", 8080, attributes=unpadded))[0].ipv6_only


@pytest.mark.parametrize("length", [0, 1, 3, 9, 65535])
def test_wrong_attribute_length(length: int) -> None:
    """An attribute shorter than its header or longer than what is left is a SourceError."""
    wrong = struct.pack("=HHI", length, SKV6ONLY, 1)
    with pytest.raises(SourceError, match=f"^inet_diag attribute: length {length}, 8 bytes left"):
        parse(Entry(LISTEN, "::", 8080, attributes=wrong))


@pytest.mark.parametrize("size", [0, 1, 71])
def test_cut_entry(size: int) -> None:
    """An entry shorter than struct inet_diag_msg is a SourceError."""
    entry = diag_message(Entry(LISTEN, "127.0.0.1", 80))[:size]
    with pytest.raises(SourceError, match=f"^inet_diag message: {size} bytes, an entry has 72$"):
        bound([message(GETSOCK, entry), done()])


@given(st.lists(st.binary(max_size=100)))
def test_random_entries(payloads: list[bytes]) -> None:
    """Any bytes in an entry's place give a socket each or a SourceError."""
    datagrams = [*(message(GETSOCK, payload) for payload in payloads), done()]
    try:
        assert len(bound(datagrams).kept) <= len(payloads)
    except SourceError as error:
        assert error.operation.startswith("inet_diag ")  # noqa: PT017 - or a result


@settings(deadline=None)  # the first example reads the recording
@given(faults("bound"))
def test_damaged_recording(fault: Fault) -> None:
    """A recorded dump with one fault gives at most its sockets, or a SourceError."""
    try:
        assert len(bound(with_fault("bound", fault)).kept) <= 10
    except SourceError as error:
        assert error.reason  # noqa: PT017 - or a result


def test_recording() -> None:
    """The recorded listeners are those that `ss` showed, together with the only-bound sockets."""
    found = list(bound(recorded_datagrams("bound")).kept)
    shown = {(sixteen_bytes(e.local), e.local_port) for e in ss_lines() if e.state == "LISTEN"}
    assert {(s.address, s.port) for s in found if s.listening} == shown
    assert {(s.address, s.port) for s in found if not s.listening} == {
        (sixteen_bytes("127.0.0.1"), 45000),
        (sixteen_bytes("::1"), 45001),
        (sixteen_bytes("::"), 45002),
    }
    assert {(s.port, s.queue_used, s.queue_limit) for s in found if s.listening} == {
        (e.local_port, e.receive_queue, e.send_queue) for e in ss_lines() if e.state == "LISTEN"
    }
    # A bind to an IPv6 address that is no wildcard sets IPV6_V6ONLY (net/ipv6/af_inet6.c).
    assert {s.port for s in found if s.ipv6_only} == {8082, 8084, 45001}


def test_real_queue(lab: Lab) -> None:
    """Connections that are not accepted fill the queue of their listener, and of no other."""
    lab.listen("127.0.0.5", SERVER_PORT + 1).listen(5)
    for _ in range(3):
        client = lab.keep(socket.socket())
        client.connect(("127.0.0.5", SERVER_PORT + 1))
    namespace = Namespace()
    found = namespace.bound_sockets()
    namespace.close()
    queues = {s.port: (s.queue_used, s.queue_limit) for s in found if s.address[-1]}
    assert queues == {SERVER_PORT + 1: (3, 5)}
    [inode] = [s.owner_id.inode for s in found if s.address == bytes(16)]
    assert inode == os.fstat(lab.server6.fileno()).st_ino


def test_real_interfaces(lab: Lab) -> None:
    """Listeners of two interfaces on one address and port are two queues, named by them."""
    pair = ["lab0", "type", "veth", "peer", "name", "lab1"]
    subprocess.run(["ip", "link", "add", *pair], check=True)
    for name in ("lab0", "lab1"):
        listener = lab.keep(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
        listener.bind(("0.0.0.0", SERVER_PORT + 2))
        listener.listen(7)
    namespace = Namespace()
    found = [q for q in namespace.bound_tally().queues if q.key.port == SERVER_PORT + 2]
    queues = listen_queues(found, ListingRule(9, 0.0), (), namespace.sources.interface_name)
    namespace.close()
    assert {queue.local_address for queue in queues.listed} == {"0.0.0.0%lab0", "0.0.0.0%lab1"}


def test_interface_that_is_gone(lab: Lab) -> None:
    """An interface that no longer exists goes by its number."""
    assert lab
    assert Namespace().sources.interface_name(4711) == "4711"


def test_real_transparent(lab: Lab) -> None:
    """A listener with IP_TRANSPARENT is told from others."""
    namespace = Namespace()
    assert not namespace.bound_tally().transparent
    listener = lab.keep(socket.socket())
    listener.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
    listener.bind(("127.0.0.1", SERVER_PORT + 3))
    listener.listen()
    assert namespace.bound_tally().transparent
    namespace.close()
