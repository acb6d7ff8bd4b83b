"""How long one connection has been in TIME_WAIT, asked of the kernel by its four ends."""

import errno
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.facts.time_wait import (
    DEFAULT_LENGTHS,
    TimeWaitLengths,
    same_length,
)
from tcp_pressure_exporter.sources.netlink.entries import parse_time_wait_age
from tcp_pressure_exporter.sources.netlink.inet_diag import encode_connection_request
from tests.sources.counting.counting import key
from tests.support.labs.lab import SERVER_PORT, Lab, time_wait_here
from tests.support.messages.datagrams import (
    ESTABLISHED,
    GETSOCK,
    LISTEN,
    OVERRUN,
    SEQUENCE,
    TIME_WAIT,
    Entry,
    diag_message,
    done,
    error,
    message,
)
from tests.support.sampled import Namespace

POOL = key("127.0.0.1", "127.0.0.9", SERVER_PORT)


def answer(state: int, expires: int = 0) -> bytes:
    found = Entry(state, "127.0.0.1", 40000, "127.0.0.9", SERVER_PORT, expires=expires)
    return message(GETSOCK, diag_message(found), flags=0)


def age(*datagrams: bytes, lengths: TimeWaitLengths = DEFAULT_LENGTHS) -> float | None:
    return parse_time_wait_age(datagrams, SEQUENCE, lengths)


@pytest.mark.parametrize(
    ("ends", "family", "addresses"),
    [
        (("10.0.0.2", "10.0.0.9"), 2, (b"\n\0\0\2" + bytes(12), b"\n\0\0\t" + bytes(12))),
        (("::1", "::2"), 10, (bytes(15) + b"\1", bytes(15) + b"\2")),
    ],
)
def test_request(ends: tuple[str, str], family: int, addresses: tuple[bytes, bytes]) -> None:
    """The request is struct inet_diag_req with the four ends and any cookie, and is not a dump."""
    asked = encode_connection_request(key(*ends, 443), 40000, SEQUENCE)
    assert asked == (
        struct.pack("=IHHII", 16 + 60, GETSOCK, 0x1, SEQUENCE, 0)
        + struct.pack("=BBBB", family, 0, 0, 0)
        + struct.pack("!HH", 40000, 443) + b"".join(addresses)
        + struct.pack("=I", 0) + b"\xff" * 8
        + struct.pack("=II", 0, 0)
    )  # fmt: skip


def test_age() -> None:
    """The entry counts its 60 s down; one that claims more has just begun."""
    assert age(answer(TIME_WAIT, 58_500)) == 1.5
    assert age(answer(TIME_WAIT, 0)) == 60
    assert age(answer(TIME_WAIT, 60_004)) == 0


def test_age_by_another_length() -> None:
    """If TIME_WAIT lasts 300 s, it counts down from 300; from before a change to 15 s, from 60."""
    assert age(answer(TIME_WAIT, 299_000), lengths=same_length(300_000)) == 1
    changed = TimeWaitLengths(15_000, 60_000)
    assert age(answer(TIME_WAIT, 14_000), lengths=changed) == 1
    assert age(answer(TIME_WAIT, 40_000), lengths=changed) == 20


def test_other_states() -> None:
    """A connection in another state does not count, nor does the listener the kernel may find."""
    assert age(answer(ESTABLISHED)) is None
    assert age(answer(LISTEN)) is None


def test_no_such_connection() -> None:
    """ENOENT says that there is none."""
    assert age(error(errno.ENOENT)) is None


def test_answers_to_others() -> None:
    """Messages of another request are skipped."""
    other = message(GETSOCK, b"", sequence=SEQUENCE + 1)
    assert age(other, error(errno.ENOENT, SEQUENCE + 1), answer(TIME_WAIT, 59_000)) == 1


@pytest.mark.parametrize(
    ("datagrams", "reason"),
    [
        ([error(errno.EPERM)], "EPERM"),
        ([message(OVERRUN)], "OVERRUN"),
        ([done()], "ended without one"),
        ([], "ended without one"),
        ([message(GETSOCK, bytes(71))], "71 bytes"),
        ([b"short"], "5 bytes left"),
    ],
)
def test_failures(datagrams: list[bytes], reason: str) -> None:
    """Any other error, or an answer that makes no sense, is an error."""
    with pytest.raises(SourceError, match=reason):
        age(*datagrams)


@given(st.lists(st.binary(max_size=120), max_size=3))
def test_any_bytes(datagrams: list[bytes]) -> None:
    """Whatever the bytes are, there is an age, none, or a SourceError."""
    try:
        found = age(*datagrams)
    except SourceError:
        return
    assert found is None or found >= 0


@pytest.mark.parametrize(
    ("local", "remote", "mapped"),
    [("127.0.0.1", "127.0.0.9", False), ("127.0.0.1", "127.0.0.9", True), ("::1", "::1", False)],
)
def test_real_kernel(lab: Lab, local: str, remote: str, *, mapped: bool) -> None:
    """The kernel returns the one entry, IPv4 in an IPv6 socket included, and only in TIME_WAIT."""
    pair = lab.connect(remote, local, mapped=mapped)
    port = pair[0].getsockname()[1]
    pool = key(local, remote, SERVER_PORT)
    namespace = Namespace()
    assert namespace.sockets.time_wait_age(pool, port, DEFAULT_LENGTHS) is None
    time_wait_here(pair)
    time.sleep(0.3)
    waited = namespace.sockets.time_wait_age(pool, port, DEFAULT_LENGTHS)
    assert waited is not None
    assert 0.2 < waited < 30
    elsewhere = PoolKey(pool.local_address, pool.remote_address, (1).to_bytes(2))
    assert namespace.sockets.time_wait_age(elsewhere, port, DEFAULT_LENGTHS) is None
    assert namespace.sockets.time_wait_age(pool, port, DEFAULT_LENGTHS) is not None, (
        "the socket is still good"
    )
    namespace.close()
