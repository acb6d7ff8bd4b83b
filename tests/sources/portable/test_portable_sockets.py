"""What psutil lists, in the one form for all systems."""

from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.addresses import V4_ANY, V6_ANY
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import BoundSocket
from tcp_pressure_exporter.sources.portable.sockets import (
    PortableSocket,
    bound_sockets,
    is_connection,
    parse_portable_sockets,
    read_portable_sockets,
)
from tests.support.fakes.portable_rows import STATUS, row
from tests.support.messages.datagrams import CLOSE, ESTABLISHED, LISTEN, TIME_WAIT
from tests.support.messages.socket_entries import sixteen_bytes

LOCAL, REMOTE = ("10.0.0.2", 40000), ("10.0.0.9", 443)


def one(status: str, *ends: Any) -> PortableSocket:
    (socket,) = parse_portable_sockets([row(status, *ends)])
    return socket


@pytest.mark.parametrize("state", STATUS)
def test_states(state: int) -> None:
    """Psutil's names of states map to the kernel's numbers."""
    assert one(STATUS[state], LOCAL, REMOTE).state == state


@pytest.mark.parametrize("status", ["NONE", "DELETE_TCB", "IDLE", "BOUND"])
def test_other_states(status: str) -> None:
    """States that only other systems have count as closed."""
    assert one(status, LOCAL, REMOTE).state == CLOSE


@pytest.mark.parametrize("mapped", ["", "::ffff:"])
def test_v4_mapped(mapped: str) -> None:
    """An IPv4 socket and a v4-mapped one have the same address."""
    socket = one("ESTABLISHED", (mapped + "10.0.0.2", 40000), (mapped + "10.0.0.9", 443))
    ends = sixteen_bytes("10.0.0.2"), 40000, sixteen_bytes("10.0.0.9"), 443
    assert socket == (*ends, ESTABLISHED)


def test_interface() -> None:
    """The interface that some systems append to an IPv6 address is not part of it."""
    assert one("LISTEN", ("fe80::1%lo0", 22)).local == sixteen_bytes("fe80::1")


def test_shared_sockets() -> None:
    """A socket that several processes have open is one, as BSD and macOS list it for each."""
    rows = [row("ESTABLISHED", LOCAL, REMOTE), row("LISTEN", ("0.0.0.0", 80))] * 3
    assert [socket.state for socket in parse_portable_sockets(rows)] == [ESTABLISHED, LISTEN]


def test_without_any_end() -> None:
    """A socket that has not even a local address is nothing yet."""
    assert parse_portable_sockets([row("CLOSE", ())]) == []


@pytest.mark.parametrize(
    "end", [("not an address", 1), ("10.0.0.2", -1), ("10.0.0.2", 65536), ("", 0)]
)
def test_nonsense(end: tuple[str, int]) -> None:
    """An address or port that makes no sense is an error that names psutil."""
    with pytest.raises(SourceError, match=r"^psutil\.net_connections: "):
        one("ESTABLISHED", end, REMOTE)


@given(st.text(), st.integers(), st.text())
def test_any_row(address: str, port: int, status: str) -> None:
    """Whatever psutil says, a row becomes a socket or an error."""
    try:
        socket = one(status, (address, port), REMOTE)
    except SourceError:
        return
    assert len(socket.local) == 16
    assert 0 <= socket.local_port < 65536


def test_connections() -> None:
    """A socket with a peer is a connection, even if it is over; a listener is not."""
    assert is_connection(one("TIME_WAIT", LOCAL, REMOTE))
    assert not is_connection(one("LISTEN", LOCAL))
    # Windows gives listeners a peer of zeros.
    assert not is_connection(one("LISTEN", LOCAL, ("0.0.0.0", 0)))


def test_bound_sockets() -> None:
    """Listeners and sockets that are only bound own their port; others, and port 0, do not."""
    rows = [
        row("LISTEN", ("0.0.0.0", 80)),
        row("BOUND", ("::", 45000)),  # Solaris
        row("CLOSE", ("0.0.0.0", 0)),  # BSD: a socket that has done nothing yet
        row("TIME_WAIT", LOCAL, REMOTE),
    ]
    assert list(bound_sockets(parse_portable_sockets(rows))) == [
        BoundSocket(V4_ANY, 80, listening=True, ipv6_only=False),
        BoundSocket(V6_ANY, 45000, listening=False, ipv6_only=False),
    ]
    assert parse_portable_sockets(rows)[-1].state == TIME_WAIT


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (psutil.AccessDenied(1), "this system shows connections only to root"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (RuntimeError("struct xinpgen size mismatch"), "struct xinpgen size mismatch"),
    ],
)
def test_failures(error: Exception, reason: str) -> None:
    """What psutil raises becomes the one error of all sources."""

    def fail(_kind: str) -> list[Any]:
        raise error

    with pytest.raises(SourceError) as raised:
        read_portable_sockets(fail)
    assert raised.value.reason == reason


def test_tcp_alone() -> None:
    """Psutil is asked only for TCP of both families."""
    asked: list[str] = []

    def list_rows(kind: str) -> list[Any]:
        asked.append(kind)
        return []

    assert read_portable_sockets(list_rows) == []
    assert asked == ["tcp"]
