import struct

from tcp_pressure_exporter.kernel.inet_diag import (
    BOUND_ONLY,
    LISTENING,
    MESSAGE,
    NOT_LISTENING,
    STATE_NAMES,
    encode_request,
)
from tests import datagrams
from tests.datagrams import Entry, diag_message, dump_request


def test_request() -> None:
    """The request is struct inet_diag_req of family 0 with the states, under the legacy type."""
    assert encode_request(0x0ABC, 9) == dump_request(0x0ABC, 9)
    assert len(encode_request(0x0ABC, 9)) == 16 + 60
    assert encode_request(0x0ABC, 9)[68:72] == struct.pack("=I", 0x0ABC)


def test_state_sets() -> None:
    """The masks select LISTEN, bound-only, and every other state a hashed socket can be in."""
    assert LISTENING == 0b100_0000_0000
    assert BOUND_ONLY == 0b10_0000_0000_0000
    assert NOT_LISTENING == 0b1011_1111_1110


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
    """An entry has 72 bytes and its fields lie where struct inet_diag_msg has them."""
    entry = Entry(6, "10.0.0.2", 40001, "10.0.0.9", 443, expires=59_000, interface=3)
    fields = MESSAGE.unpack(diag_message(entry))
    assert MESSAGE.size == 72
    assert fields == (
        *(2, 6, 0, 0),
        *(b"\x9c\x41", b"\x01\xbb"),
        *(bytes([10, 0, 0, 2]) + bytes(12), bytes([10, 0, 0, 9]) + bytes(12)),
        *(3, b"\xff" * 8, 59_000, 0, 0, 0, 0),
    )
