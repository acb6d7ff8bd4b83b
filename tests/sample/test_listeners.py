"""The owner of a connection that was never accepted."""

import pytest

from tcp_pressure_exporter.facts.sockets import UNKNOWN_SOCKET, BoundSocket, SocketId
from tcp_pressure_exporter.sample.listeners import Listeners
from tests.support.messages.socket_entries import sixteen_bytes

ANY4, ANY6 = "0.0.0.0", "::"


def bound(  # noqa: PLR0913 - the fields that matter
    address: str,
    inode: int,
    *,
    port: int = 80,
    listening: bool = True,
    ipv6_only: bool = False,
    queued: int = 0,
) -> BoundSocket:
    return BoundSocket(
        *(sixteen_bytes(address), port, listening, ipv6_only, queued, 128, SocketId(inode, None))
    )


def owner(address: str, *sockets: BoundSocket) -> int:
    return Listeners(sockets).owner_id(sixteen_bytes(address), 80).inode


@pytest.mark.parametrize(
    ("local", "listener", "found"),
    [
        ("10.0.0.2", bound("10.0.0.2", 1), True),
        ("10.0.0.2", bound(ANY4, 1), True),
        ("10.0.0.2", bound(ANY6, 1), True),  # dual stack
        ("10.0.0.2", bound(ANY6, 1, ipv6_only=True), False),
        ("10.0.0.2", bound("10.0.0.3", 1), False),
        ("10.0.0.2", bound("10.0.0.2", 1, port=81), False),
        ("10.0.0.2", bound("10.0.0.2", 1, listening=False), False),
        ("2001:db8::2", bound("2001:db8::2", 1), True),
        ("2001:db8::2", bound(ANY6, 1, ipv6_only=True), True),
        ("2001:db8::2", bound(ANY4, 1), False),
    ],
)
def test_one_listener(local: str, listener: BoundSocket, *, found: bool) -> None:
    """A listener takes connections to its address and port, or to any address."""
    assert owner(local, listener) == (1 if found else UNKNOWN_SOCKET.inode)


def test_nearest() -> None:
    """A listener at the exact address is preferred to one at any address, as in the kernel."""
    everywhere, dual, here = bound(ANY4, 1, queued=9), bound(ANY6, 2), bound("10.0.0.2", 3)
    assert owner("10.0.0.2", everywhere, dual, here) == 3
    assert owner("10.0.0.2", dual, everywhere) == 1


def test_busiest() -> None:
    """Of several at one address (SO_REUSEPORT) it is the one with the longest queue."""
    assert owner("10.0.0.2", bound(ANY4, 1), bound(ANY4, 2, queued=7), bound(ANY4, 3)) == 2
