"""Requests that are too big, too many, or no requests at all."""

import contextlib
import errno
import random
import socket
import threading

import pytest

from tests.hostile.target import Target, unharmed
from tests.web.harness import Reply, client, exchange, parse_replies, read_all, request_bytes

SECRET = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /metrics HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /metrics HTTP/1.1\r\n"
# RFC 9112 sections 2.2, 3, 5.1, 5.2, 6.1 to 6.3 and 7.1: where two readers may see different ends.
SMUGGLING = {
    "TE and CL": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "CL and TE": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 35\r\n\r\n",
    "list of lengths": POST + b"Content-Length: 0, 35\r\n\r\n",
    "signed length": POST + b"Content-Length: +0\r\n\r\n",
    "hexadecimal length": POST + b"Content-Length: 0x0\r\n\r\n",
    "unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "coding twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    "vertical tab in coding": POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "coding in HTTP/1.0": POST.replace(b"1.1", b"1.0")
    + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before colon": POST + b"Content-Length : 35\r\n\r\n",
    "NUL in value": POST + b"X: a\0b\r\n\r\n",
    "CR in value": POST + b"X: a\rContent-Length: 35\r\n\r\n",
    "negative chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "bad chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "endless chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 30 + b"\r\n\r\n",
    "chunk without its end": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc0\r\n\r\n",
    "two hosts": GET + b"Host: a\r\nHost: b\r\n\r\n",
    "no host": GET + b"\r\n",
}


@pytest.mark.parametrize("shape", SMUGGLING)
def test_smuggling(target: Target, shape: str) -> None:
    """A request with a doubtful end gets one refusal, and what follows it is never a request."""
    [reply] = exchange(target.address, SMUGGLING[shape] + SECRET)
    assert reply.status in {400, 501}
    assert reply.headers["connection"] == "close"


def flood(address: tuple[str, int], head: bytes, piece: bytes, times: int) -> list[Reply]:
    """Send a head and then a piece over and over, until the server has had enough."""
    with client(address) as sock:

        def send() -> None:
            with contextlib.suppress(OSError):
                sock.sendall(head)
                for _ in range(times):
                    sock.sendall(piece)

        sender = threading.Thread(target=send)
        sender.start()
        received = read_all(sock)
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sender.join()
    return parse_replies(received)


MIB = b"x" * 1024 * 1024
CHUNK = b"100000\r\n" + MIB + b"\r\n"


HUGE = {
    "a header of 1 GiB": (GET + b"X: ", MIB, {431}),
    "1 GiB of headers": (GET, b"X: y\r\n" * 174_763, {431}),
    "a target of 1 GiB": (b"GET /", MIB, {414, 431}),
    "a body of 1 GiB": (POST + b"Content-Length: 1073741824\r\n\r\n", MIB, {413}),
    "a length of 5,000 digits": (
        POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
        MIB,
        {400, 413},
    ),
    "a chunked body of 1 GiB": (POST + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK, {413}),
    "a chunk extension of 1 GiB": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n1;",
        MIB,
        {400, 413, 431},
    ),
}


@pytest.mark.parametrize("attack", HUGE)
def test_huge(target: Target, attack: str) -> None:
    """A header, target, body or chunk of 1 GiB is refused after the first of it."""
    head, piece, statuses = HUGE[attack]
    with unharmed(target, attack):
        replies = flood(target.address, head, piece, 1024)
    # A client that does not stop sending is reset, and may lose the answer because of that.
    assert [reply.status for reply in replies] in ([], *([status] for status in statuses))


def test_garbage(target: Target) -> None:
    """Random bytes, and random changes to a good request, get a refusal, the page or nothing."""
    chance = random.Random(1)  # noqa: S311  # the same bytes each time, not secret ones
    good = request_bytes("GET", "/metrics?name[]=x", "Accept: text/plain", "Connection: close")
    with unharmed(target, "300 pieces of garbage"):
        for _ in range(300):
            if chance.random() < 0.5:
                data = chance.randbytes(chance.randrange(1, 3000))
            else:
                place = chance.randrange(len(good))
                data = good[:place] + chance.randbytes(chance.randrange(4)) + good[place + 1 :]
            with client(target.address) as sock, contextlib.suppress(ConnectionError):
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                raw = read_all(sock)
                statuses = {int(raw.split(b" ", 2)[1])} if raw else set()
                assert statuses <= {200, 400, 404, 405, 408, 413, 414, 417, 431, 501}


# The errors of a client whose connection was reset while it was sending.
RESET = {errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN}


def test_garbage_to_tls(guarded: Target) -> None:
    """Random bytes, with and without the first byte of a handshake, end the connection only."""
    chance = random.Random(2)  # noqa: S311  # the same bytes each time, not secret ones
    with unharmed(guarded, "300 pieces of garbage to the TLS port"):
        for index in range(300):
            first = b"\x16\x03\x01" if index % 2 else b""
            with client(guarded.address) as sock:
                try:
                    sock.sendall(first + chance.randbytes(chance.randrange(1, 3000)))
                    sock.shutdown(socket.SHUT_WR)
                    read_all(sock)
                except OSError as error:
                    assert error.errno in RESET  # noqa: PT017 - most are answered, not reset
