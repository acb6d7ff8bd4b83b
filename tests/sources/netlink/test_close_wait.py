import socket
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.close_wait import CAUSES, CloseWaitSocket, close_wait_cause
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import SocketId
from tcp_pressure_exporter.sources.netlink import entries as module
from tcp_pressure_exporter.sources.netlink.entries import close_wait_sockets, parse_close_wait_ages
from tests.sources.counting.faults import Fault, faults, with_fault
from tests.support.labs.lab import Lab
from tests.support.messages.close_wait_kinds import KINDS, Kind, kind_of
from tests.support.messages.datagrams import (
    CLOSE_WAIT,
    ESTABLISHED,
    GETSOCK,
    SEQUENCE,
    Entry,
    attribute,
    diag_message,
    done,
    dump_of,
    message,
)
from tests.support.messages.socket_entries import sixteen_bytes
from tests.support.sampled import Namespace

INFO, SKV6ONLY, CGROUP_ID = 2, 11, 21  # INET_DIAG_* in include/uapi/linux/inet_diag.h
LAST_ACK_RECV = 12  # of the 32-bit fields of struct tcp_info that follow its first 8 bytes
SO_COOKIE = 57  # include/uapi/asm-generic/socket.h
PATIENCE_SECONDS = 10.0


def tcp_info(last_ack_recv_ms: int, fields: int = 24) -> bytes:
    """Return struct tcp_info (include/uapi/linux/tcp.h), every other field the highest number."""
    numbers = [2**32 - 1] * fields
    numbers[LAST_ACK_RECV] = last_ack_recv_ms
    return b"\xff" * 8 + struct.pack(f"={fields}I", *numbers)


@pytest.mark.parametrize("kind", KINDS)
def test_cause(kind: Kind) -> None:
    """The timer, its count and the queues of an entry tell the cause."""
    assert close_wait_cause(*kind[:4]) == kind.cause


QUEUE = st.integers(0, 2**32 - 1)


@given(st.integers(0, 255), st.integers(0, 255), QUEUE)
def test_nothing_to_send(timer: int, retransmits: int, rqueue: int) -> None:
    """If nothing is waiting to be sent or acknowledged, only the application's reading counts."""
    cause = close_wait_cause(timer, retransmits, rqueue, 0)
    assert cause == ("eof_unread" if rqueue else "not_closed")


@given(st.integers(0, 255), QUEUE, QUEUE)
def test_repetition_by_repetition(timer: int, rqueue: int, wqueue: int) -> None:
    """One retransmission does not mean the peer is gone; and more of them do not bring it back."""
    causes = [close_wait_cause(timer, count, rqueue, wqueue) for count in range(256)]
    assert set(causes) <= set(CAUSES)
    assert causes[0] != "peer_gone"
    first = causes.index("peer_gone") if "peer_gone" in causes else len(causes)
    assert all(cause == "peer_gone" for cause in causes[first:])


def ends(local: str, local_port: int, remote: str, remote_port: int, device: int = 0) -> bytes:
    packed = sixteen_bytes(local), local_port, sixteen_bytes(remote), remote_port, device
    return struct.pack("!16sH16sHI", *packed)


def test_sockets() -> None:
    """The kept entries in CLOSE_WAIT are returned, with cause, both ends and owner."""
    owner = attribute(SKV6ONLY, b"\0") + attribute(CGROUP_ID, struct.pack("=Q", 0x1234567890))
    entries = [
        kind_of("peer_gone").entry(remote="10.0.0.9", cookie=0x0102030405060708),
        Entry(ESTABLISHED, "10.0.0.2", 40001, "10.0.0.9", 443),
        Entry(
            *(CLOSE_WAIT, "::ffff:10.0.0.2", 40002, "::ffff:10.0.0.8", 443),
            cookie=7,
            rqueue=1,
            interface=3,
            inode=4242,
            attributes=owner,
        ),
        Entry(CLOSE_WAIT, "2001:db8::2", 40003, "2001:db8::9", 443, cookie=8),
    ]
    assert close_wait_sockets([diag_message(entry) for entry in entries]) == [
        CloseWaitSocket(
            struct.pack("=Q", 0x0102030405060708),
            ends("10.0.0.2", 40000, "10.0.0.9", 443),
            *("peer_gone", sixteen_bytes("10.0.0.9"), SocketId(0, None)),
            *(sixteen_bytes("10.0.0.2"), 40000, False),
        ),
        CloseWaitSocket(
            struct.pack("=Q", 7),
            ends("10.0.0.2", 40002, "10.0.0.8", 443, device=3),
            *("eof_unread", sixteen_bytes("10.0.0.8"), SocketId(4242, 0x1234567890)),
            *(sixteen_bytes("10.0.0.2"), 40002, True),
        ),
        CloseWaitSocket(
            struct.pack("=Q", 8),
            ends("2001:db8::2", 40003, "2001:db8::9", 443),
            *("not_closed", sixteen_bytes("2001:db8::9"), SocketId(0, None)),
            *(sixteen_bytes("2001:db8::2"), 40003, False),
        ),
    ]


def test_wrong_attribute() -> None:
    """A kept entry with an attribute that is cut short is a SourceError."""
    cut = struct.pack("=HH", 12, CGROUP_ID) + bytes(4)
    entry = Entry(CLOSE_WAIT, "10.0.0.2", 40000, "10.0.0.9", 443, attributes=cut)
    with pytest.raises(SourceError, match="inet_diag attribute: length 12, 8 bytes left"):
        close_wait_sockets([diag_message(entry)])


@given(st.lists(st.binary(min_size=72, max_size=120)))
def test_random_kept_entries(kept: list[bytes]) -> None:
    """Any bytes in an entry's place give a socket for each state 8, or a SourceError."""
    try:
        found = close_wait_sockets(kept)
    except SourceError as error:
        assert error.operation == "inet_diag attribute"  # noqa: PT017 - or a result
        return
    assert [socket.cookie for socket in found] == [e[44:52] for e in kept if e[1] == CLOSE_WAIT]
    assert {socket.cause for socket in found} <= set(CAUSES)


def with_info(cookie: int, attributes: bytes) -> Entry:
    return Entry(
        *(CLOSE_WAIT, "10.0.0.2", 40000, "10.0.0.9", 443), cookie=cookie, attributes=attributes
    )


def ages_of(*entries: Entry) -> dict[bytes, float]:
    return parse_close_wait_ages(dump_of(entries), SEQUENCE)


def test_ages() -> None:
    """The age is tcpi_last_ack_recv in seconds, wherever the attribute is, by cookie."""
    cgroup = attribute(CGROUP_ID, bytes(8))
    assert ages_of(
        with_info(1, attribute(INFO, tcp_info(1500)) + cgroup),
        with_info(2, cgroup + attribute(INFO, tcp_info(4_294_967_295))),
        with_info(2**64 - 1, attribute(INFO, tcp_info(0))),
    ) == {
        struct.pack("=Q", 1): 1.5,
        struct.pack("=Q", 2): 4_294_967.295,
        b"\xff" * 8: 0.0,
    }


@pytest.mark.parametrize("fields", [13, 14, 24, 60])
def test_older_and_newer_kernels(fields: int) -> None:
    """From kernel to kernel struct tcp_info grows at its end; the field keeps its place."""
    info = attribute(INFO, tcp_info(2500, fields))
    assert ages_of(with_info(1, info)) == {struct.pack("=Q", 1): 2.5}


@pytest.mark.parametrize("attributes", [b"", attribute(INFO, tcp_info(2500)[:59])])
def test_unknown_age(attributes: bytes) -> None:
    """If the kernel does not give it, a socket is at least 0 s old."""
    assert ages_of(with_info(1, attributes)) == {struct.pack("=Q", 1): 0.0}


def test_too_many_ages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ages of the first sockets are returned; the rest is not read."""
    monkeypatch.setattr(module, "MAX_AGES", 2)
    entries = [with_info(number, attribute(INFO, tcp_info(1000))) for number in range(4)]
    assert list(ages_of(*entries)) == [struct.pack("=Q", 0), struct.pack("=Q", 1)]


@pytest.mark.parametrize("size", [0, 71])
def test_cut_entry(size: int) -> None:
    """An entry shorter than struct inet_diag_msg is a SourceError."""
    entry = diag_message(with_info(1, b""))[:size]
    with pytest.raises(SourceError, match=f"^inet_diag message: {size} bytes, an entry has 72$"):
        parse_close_wait_ages([message(GETSOCK, entry), done()], SEQUENCE)


def test_unfinished_dump() -> None:
    """A dump that does not end is a SourceError, not the ages of some sockets."""
    with pytest.raises(SourceError, match="ended before NLMSG_DONE"):
        parse_close_wait_ages([message(GETSOCK, diag_message(with_info(1, b"")))], SEQUENCE)


@given(st.lists(st.binary(max_size=160)))
def test_random_entries(payloads: list[bytes]) -> None:
    """Any bytes in an entry's place give an age for its cookie or a SourceError."""
    datagrams = [*(message(GETSOCK, payload) for payload in payloads), done()]
    try:
        ages = parse_close_wait_ages(datagrams, SEQUENCE)
    except SourceError as error:
        assert error.operation.startswith("inet_diag ")  # noqa: PT017 - or a result
        return
    assert set(ages) == {payload[44:52] for payload in payloads}
    assert all(0 <= age < 2**32 / 1000 for age in ages.values())


@given(faults("main"))
def test_damaged_recording(fault: Fault) -> None:
    """A recorded dump with one fault gives at most the ages of its sockets, or a SourceError."""
    try:
        assert len(parse_close_wait_ages(with_fault("main", fault), SEQUENCE)) <= 270
    except SourceError as error:
        assert error.reason  # noqa: PT017 - or a result


def last_ack_recv(sock: socket.socket) -> float:
    """Return tcpi_last_ack_recv of a socket as getsockopt(2) tells it, in seconds."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 60)
    milliseconds: int = struct.unpack_from("=I", info, 56)[0]
    return milliseconds / 1000


def await_silence(sock: socket.socket, seconds: float) -> None:
    """Wait until the peer has not been heard from for some time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while last_ack_recv(sock) < seconds:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_real_sockets(lab: Lab) -> None:
    """The age of a real socket is what it says itself, under its own cookie; no others appear."""
    pairs = [lab.connect("127.0.0.9"), lab.connect("::1"), lab.connect("127.0.0.9")]
    waiting = [accepted for _client, accepted in pairs[:2]]
    # Other times in struct tcp_info, which go on since the connection was made, grow first.
    await_silence(waiting[1], 0.1)
    for client, _accepted in pairs[:2]:
        client.close()
    await_silence(waiting[1], 0.04)
    cookies = [sock.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8) for sock in waiting]
    before = [last_ack_recv(sock) for sock in waiting]
    namespace = Namespace()
    ages = namespace.close_wait_ages()
    namespace.close()
    after = [last_ack_recv(sock) for sock in waiting]
    assert set(ages) == set(cookies)
    for cookie, least, most in zip(cookies, before, after, strict=True):
        assert 0.04 <= least <= ages[cookie] <= most
