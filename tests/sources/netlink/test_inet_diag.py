import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import STATE_NAMES, SocketId
from tcp_pressure_exporter.sources.netlink.inet_diag import (
    BOUND_ONLY,
    CLOSE_WAIT,
    LISTENING,
    LIVE,
    MESSAGE,
    NOT_LISTENING,
    encode_request,
    entry_attributes,
    socket_id,
)
from tests.support.messages import datagrams
from tests.support.messages.datagrams import Entry, attribute, diag_message, dump_request

CGROUP_ID = 21  # INET_DIAG_CGROUP_ID in include/uapi/linux/inet_diag.h


def test_request() -> None:
    """The request is struct inet_diag_req of family 0 with the states, under the legacy type."""
    assert encode_request(0x0ABC, 9) == dump_request(0x0ABC, 9)
    assert len(encode_request(0x0ABC, 9)) == 16 + 60
    assert encode_request(0x0ABC, 9)[68:72] == struct.pack("=I", 0x0ABC)


@pytest.mark.parametrize("extensions", [0, 2, 255])
def test_request_with_extensions(extensions: int) -> None:
    """Extensions are idiag_ext, the fourth byte of struct inet_diag_req, and change no other."""
    plain = dump_request(0x0ABC)
    asked = encode_request(0x0ABC, datagrams.SEQUENCE, extensions=extensions)
    assert asked == plain[:19] + bytes([extensions]) + plain[20:]


def test_request_with_an_attribute() -> None:
    """An attribute follows the request, whose header counts its length."""
    more = attribute(1, b"eight by")
    asked = encode_request(0x0ABC, datagrams.SEQUENCE, attribute=more)
    assert asked == struct.pack("=I", 76 + 12) + dump_request(0x0ABC)[4:] + more


def test_state_sets() -> None:
    """The masks select LISTEN, bound-only, and every other state a hashed socket can be in."""
    assert LISTENING == 0b100_0000_0000
    assert BOUND_ONLY == 0b10_0000_0000_0000
    assert NOT_LISTENING == 0b1011_1111_1110
    assert LIVE == 0b1011_1011_1110  # without TIME_WAIT
    assert CLOSE_WAIT == 0b1_0000_0000


def test_state_names() -> None:
    """The names are those of node_exporter, numbered as in include/net/tcp_states.h."""
    assert STATE_NAMES == {
        datagrams.ESTABLISHED: "established",
        datagrams.SYN_SENT: "syn_sent",
        datagrams.SYN_RECV: "syn_recv",
        datagrams.FIN_WAIT1: "fin_wait1",
        datagrams.FIN_WAIT2: "fin_wait2",
        datagrams.TIME_WAIT: "time_wait",
        datagrams.CLOSE: "close",
        datagrams.CLOSE_WAIT: "close_wait",
        datagrams.LAST_ACK: "last_ack",
        datagrams.LISTEN: "listen",
        datagrams.CLOSING: "closing",
    }


def test_message_layout() -> None:
    """An entry has 72 bytes, with fields where struct inet_diag_msg has them."""
    entry = Entry(6, "10.0.0.2", 40001, "10.0.0.9", 443, expires=59_000, interface=3)
    fields = MESSAGE.unpack(diag_message(entry))
    assert MESSAGE.size == 72
    assert fields == (
        *(2, 6, 0, 0),
        *(b"\x9c\x41", b"\x01\xbb"),
        *(bytes([10, 0, 0, 2]) + bytes(12), bytes([10, 0, 0, 9]) + bytes(12)),
        *(3, b"\xff" * 8, 59_000, 0, 0, 0, 0),
    )


BODY = diag_message(Entry(1, "10.0.0.2", 40001, "10.0.0.9", 443))
LISTS = st.lists(st.tuples(st.integers(0, 65535), st.binary(max_size=20)), max_size=8)


def attributes_of(raw: bytes) -> list[tuple[int, bytes]]:
    return list(entry_attributes(memoryview(BODY + raw)))


@given(LISTS)
def test_attributes(found: list[tuple[int, bytes]]) -> None:
    """Each attribute comes with its type and its value without the padding, in their order."""
    assert attributes_of(b"".join(attribute(kind, value) for kind, value in found)) == found


@given(LISTS, st.integers(0, 65535), st.binary(max_size=20))
def test_last_attribute_without_padding(
    before: list[tuple[int, bytes]], kind: int, value: bytes
) -> None:
    """The last attribute may come without its padding."""
    last = struct.pack("=HH", 4 + len(value), kind) + value
    raw = b"".join(attribute(*one) for one in before) + last
    assert attributes_of(raw) == [*before, (kind, value)]


@pytest.mark.parametrize("length", [0, 3, 13, 65535])
def test_wrong_attribute_length(length: int) -> None:
    """An attribute shorter than its header or longer than what is left is a SourceError."""
    raw = attribute(3, b"fine") + struct.pack("=HH", length, 11) + bytes(8)
    with pytest.raises(SourceError, match=f"^inet_diag attribute: length {length}, 12 bytes left"):
        attributes_of(raw)


@pytest.mark.parametrize("rest", [b"", b"\1", b"\1\2\3"])
def test_too_little_for_an_attribute(rest: bytes) -> None:
    """Less than the header of an attribute is padding, as for RTA_OK in linux/rtnetlink.h."""
    assert attributes_of(attribute(3, b"fine") + rest) == [(3, b"fine")]


@given(st.binary(max_size=200))
def test_random_attributes(raw: bytes) -> None:
    """Any bytes give attributes that are no more than what was there, or a SourceError."""
    try:
        found = attributes_of(raw)
    except SourceError as error:
        assert error.operation == "inet_diag attribute"  # noqa: PT017 - or a result
        return
    assert sum(4 + len(value) for _kind, value in found) <= len(raw)


def test_whose() -> None:
    """The cgroup id is the 64-bit number of the attribute, in the host's byte order."""
    found = {11: b"\1", CGROUP_ID: struct.pack("=Q", 0x0102030405060708)}
    assert socket_id(4242, found) == SocketId(4242, 0x0102030405060708)
    assert socket_id(0, {CGROUP_ID: bytes(8)}) == SocketId(0, 0)


@pytest.mark.parametrize("found", [{}, {11: bytes(8)}, {CGROUP_ID: bytes(7)}, {CGROUP_ID: b""}])
def test_unknown_cgroup(found: dict[int, bytes]) -> None:
    """If the kernel does not give the cgroup, or not in 8 bytes, it is not known."""
    assert socket_id(4242, found) == SocketId(4242, None)
