"""Real load: a proxy, a load balancer in NAT mode in front of a service, a leak of CLOSE_WAIT.

Everything stays on loopback in the calling thread's network namespace, and ends on its own. Rates
are connections per second.
"""

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

UPSTREAM = ("127.0.0.9", 8080)
SERVICE = ("127.0.0.10", 8443)
LEAKY = ("127.0.0.11", 9000)
BALANCER_ADDRESS = "127.7.0.1"
IP_BIND_ADDRESS_NO_PORT = 24  # include/uapi/linux/in.h
KEPT = 300  # connections: 1 % of the ports that the backend assumes a client has
TIMEOUT = 20.0  # seconds: loopback answers at once, except on an overloaded machine

Say = Callable[[str], None]


@contextmanager
def server(address: tuple[str, int], *, closes_first: bool, keeps: int = 0) -> Iterator[None]:
    """Accept connections; close each at once, or when its peer has. The first `keeps` stay open."""
    listener = socket.create_server(address, backlog=1024)
    thread = threading.Thread(target=_serve, args=(listener, closes_first, keeps), daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        thread.join()
        listener.close()


def _serve(
    listener: socket.socket,
    closes_first: bool,  # noqa: FBT001 - Thread's args
    keeps: int,
) -> None:
    with ExitStack() as kept:
        while True:
            try:
                connection, _peer = listener.accept()
            except OSError:
                return  # the story is over
            if keeps:
                keeps -= 1
                kept.enter_context(connection)
                continue
            with connection:
                if not closes_first:
                    connection.recv(1)


def proxy(
    rate: float, seconds: float, say: Say, upstream: tuple[str, int] = UPSTREAM
) -> list[float]:
    """Open short connections to one upstream, closing here first: their ports stay in TIME_WAIT.

    Returns the times, in monotonic seconds, at which no local port was left.
    """
    refused: list[float] = []
    with server(upstream, closes_first=False):
        for _ in _paced(rate, seconds):
            try:
                socket.create_connection(upstream, timeout=TIMEOUT).close()
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
                if not refused:
                    say("connect() fails for the first time: EADDRNOTAVAIL, no local port is left")
                refused.append(time.monotonic())
    return refused


def balancer(rate: float, seconds: float, hold: float = 0) -> None:
    """Let a load balancer connect to a service that closes first, and keeps the TIME_WAIT.

    The service stays for another `hold` seconds. The balancer, which sees none of that TIME_WAIT,
    reuses ports: 1,000 connections a minute keep about 630 of its ports busy, not all.
    """
    with server(SERVICE, closes_first=True):
        for _ in _paced(rate, seconds):
            with socket.socket() as client:
                client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                client.bind((BALANCER_ADDRESS, 0))
                client.settimeout(TIMEOUT)
                client.connect(SERVICE)
                client.recv(1)  # the service's FIN comes first
        time.sleep(hold)


def clients(remote: tuple[str, int], rate: float, seconds: float, *, closes_first: bool) -> None:
    """Keep KEPT connections to a server open, and open short ones as well.

    Either these or the server close first and have the TIME_WAIT.
    """
    with ExitStack() as kept:
        for _ in range(KEPT):
            kept.enter_context(socket.create_connection(remote, timeout=TIMEOUT))
        for _ in _paced(rate, seconds):
            with socket.create_connection(remote, timeout=TIMEOUT) as client:
                if not closes_first:
                    client.recv(1)  # the server's FIN


def leak(rate: float, seconds: float, hold: float) -> None:
    """Keep every connection that the peer has closed: CLOSE_WAIT piles up and stays for `hold`."""
    with server(LEAKY, closes_first=True), ExitStack() as leaked:
        for _ in _paced(rate, seconds):
            leaked.enter_context(socket.create_connection(LEAKY, timeout=TIMEOUT))
        time.sleep(hold)


def _paced(rate: float, seconds: float) -> Iterator[int]:
    """Yield `rate` times a second, making up for delays."""
    start = time.monotonic()
    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, start + number / rate - time.monotonic()))
        yield number
