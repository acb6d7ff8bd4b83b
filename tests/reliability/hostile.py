"""Malicious clients, one after another: none of them may leave a trace in the daemon."""

import socket
import ssl
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress

PATIENCE_SECONDS = 1.0
RESET = struct.pack("ii", 1, 0)

Attack = Callable[[socket.socket], None]


def says_nothing(_sock: socket.socket) -> None:
    """Connect and leave."""


def says_half(sock: socket.socket) -> None:
    """Begin a request and leave."""
    sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ")


def talks_nonsense(sock: socket.socket) -> None:
    """Send bytes that are not a request, and read what comes."""
    sock.sendall(bytes(range(256)) * 16)
    sock.recv(65536)


def sends_too_much(sock: socket.socket) -> None:
    """Send a head without an end."""
    sock.sendall(b"GET / HTTP/1.1\r\n" + b"X-Big: " + b"x" * 200_000)
    sock.recv(65536)


def greets_by_tls(sock: socket.socket) -> None:
    """Begin a TLS handshake."""
    sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(508))
    sock.recv(65536)


def speaks_by_tls(sock: socket.socket) -> None:
    """Ask over TLS, if the server speaks it, with a wrong password, and leave without a word."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(sock) as tls:
        tls.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic eDp5\r\n\r\n")
        tls.recv(65536)


def resets_its_request(sock: socket.socket) -> None:
    """Ask for the page and reset the connection."""
    sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def does_not_read(sock: socket.socket) -> None:
    """Ask for the page many times and read none of it."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50)


ATTACKS: Sequence[Attack] = (
    says_nothing,
    says_half,
    talks_nonsense,
    sends_too_much,
    greets_by_tls,
    speaks_by_tls,
    resets_its_request,
    does_not_read,
)


def attack(port: int, number: int) -> None:
    """Let the next of them do its worst; what the daemon answers does not matter."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as sock:
        ATTACKS[number % len(ATTACKS)](sock)
