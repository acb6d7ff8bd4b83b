import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.harness import (
    Reply,
    Serving,
    client,
    exchange,
    parse_replies,
    read_all,
    request_bytes,
)

_GET = request_bytes("GET", "/-/healthy", "Connection: close")
_CHUNKED = request_bytes("POST", "/", "Transfer-Encoding: chunked", "Connection: close")


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with Serving() as serving:
        yield serving.address


def _comparable(replies: list[Reply]) -> list[tuple[int, bytes]]:
    return [(reply.status, reply.body) for reply in replies]


@pytest.mark.parametrize(
    ("request_", "statuses"),
    [
        (_GET, [200]),
        (request_bytes("GET", "/-/healthy") + _GET, [200, 200]),
        (request_bytes("GET", "/-/healthy") + request_bytes("GET", "/no") + _GET, [200, 404, 200]),
        (b"GET /-/healthy HTTP/1.0\r\n\r\n", [200]),
        (b"GET /-/healthy HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", [200]),
        (b"GET http://localhost/-/healthy HTTP/1.1\nHost: x\nConnection: close\n\n", [200]),
        (request_bytes("GET", "/-/healthy", "Content-Length: 3") + b"abc" + _GET, [200, 200]),
        (_CHUNKED + b"3\r\nabc\r\n0\r\n\r\n", [405]),
        (_CHUNKED + b"3;x=y\r\nabc\r\n0\r\nTrailer: t\r\n\r\n", [405]),
        (_CHUNKED + b"zz\r\n", [400]),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", [405]),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", [405]),
        (b"garbage\r\n\r\n", [400]),
        (b"GET / HTTP/1.1 extra\r\nHost: x\r\n\r\n", [400]),
        (b"GET / HTTP/1.1\r\n\r\n", [400]),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", [400]),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", [400]),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", [400]),
        (b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", [400]),
        (b"GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n", [400]),
        (b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", [400]),
        (request_bytes("GET", "/", "Content-Length: 1, 2"), [400]),
        (request_bytes("GET", "/", "Content-Length: -1"), [400]),
        (request_bytes("GET", "/", "Content-Length: 5", "Transfer-Encoding: chunked"), [400]),
        (request_bytes("GET", "/", "Transfer-Encoding: chunked", "Content-Length: 5"), [400]),
        (request_bytes("GET", "/", "Transfer-Encoding: gzip, chunked"), [501]),
        (request_bytes("GET", "/", "Content-Length: 65537"), [413]),
        (request_bytes("PUT", "/", "Content-Length: 9", "Expect: 100-continue"), [417]),
        (request_bytes("GET", "/?" + "a=b&" * 1000), [400]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400]),  # a TLS ClientHello
    ],
)
def test_pieces_make_no_difference(
    address: tuple[str, int], request_: bytes, statuses: list[int]
) -> None:
    """A request is answered the same whole, byte by byte, and with bytes after the last one."""
    whole = exchange(address, request_)
    assert [reply.status for reply in whole] == statuses
    single_bytes = (request_[at : at + 1] for at in range(len(request_)))
    assert _comparable(exchange(address, *single_bytes)) == _comparable(whole)
    assert _comparable(exchange(address, request_ + b"\x00trailing")) == _comparable(whole)


@pytest.mark.parametrize("size", [17_000, 30_000, 200_000])
def test_huge_header(address: tuple[str, int], size: int) -> None:
    """A head over 16 KiB is refused with 431, in one piece or many (RFC 6585 section 5)."""
    head = request_bytes("GET", "/", f"X: {'a' * size}")
    pieces = [head[at : at + 1000] for at in range(0, len(head), 1000)]
    assert [reply.status for reply in exchange(address, head)] == [431]
    assert [reply.status for reply in exchange(address, *pieces)] == [431]


def test_head_within_limit(address: tuple[str, int]) -> None:
    """A head just below 16 KiB is served."""
    head = request_bytes("GET", "/-/healthy", f"X: {'a' * 16_000}", "Connection: close")
    assert [reply.status for reply in exchange(address, head)] == [200]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_huge_body(address: tuple[str, int], method: str) -> None:
    """A body over 64 KiB is refused with a 413 that the client can read while still sending."""
    announced = request_bytes(method, "/", "Content-Length: 200000") + bytes(200_000)
    chunked = request_bytes(method, "/", "Transfer-Encoding: chunked")
    chunked += (b"8000\r\n" + bytes(0x8000) + b"\r\n") * 3 + b"0\r\n\r\n"
    assert [reply.status for reply in exchange(address, announced)] == [413]
    assert [reply.status for reply in exchange(address, chunked)] == [413]


def test_refusals_close_and_do_not_quote(address: tuple[str, int]) -> None:
    """A refusal says 'close', is plain text of one line and repeats nothing of the request."""
    [reply] = exchange(address, b"<script>alert(1)</script>\r\n\r\n")
    assert reply.headers["connection"] == "close"
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.body == b"Bad Request\n"


def test_refusal_ends_without_a_reset(address: tuple[str, int]) -> None:
    """A client that keeps sending after a refusal can read it to an orderly end (RFC 9112 9.6)."""
    with client(address) as sock:
        sock.sendall(request_bytes("POST", "/", "Content-Length: 100000") + bytes(50_000))
        received = bytearray()
        while piece := sock.recv(65536):
            received += piece
        sock.sendall(bytes(50_000))
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    assert [reply.status for reply in parse_replies(bytes(received))] == [413]


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/-/ready", "/missing"])
def test_head(address: tuple[str, int], path: str) -> None:
    """HEAD has the status and the headers of GET, and no body (RFC 9110 section 9.3.2)."""
    [got] = exchange(address, request_bytes("GET", path, "Connection: close"))
    [asked] = exchange(address, request_bytes("HEAD", path, "Connection: close"), head_only=True)
    assert asked.status == got.status
    for headers in (asked.headers, got.headers):
        del headers["date"]  # the second may have changed in between
    assert asked.headers == got.headers
    assert got.headers["content-length"] == str(len(got.body))


def test_client_that_closes_its_half(address: tuple[str, int]) -> None:
    """A client that sends its request and shuts its side down still gets the answer."""
    with client(address) as sock:
        sock.sendall(request_bytes("GET", "/-/healthy"))
        sock.shutdown(socket.SHUT_WR)
        [reply] = parse_replies(read_all(sock))
    assert reply.body == b"OK\n"


@settings(deadline=None)
@given(st.binary(min_size=1), st.sampled_from([b"", b"GET ", b"GET / HTTP/1.1\r\nHost: x\r\n"]))
def test_any_bytes(address: tuple[str, int], noise: bytes, start: bytes) -> None:
    """Whatever bytes a client sends, it gets whole answers, if any, and the server serves on."""
    with client(address) as sock:
        sock.sendall(start + noise + b"\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        statuses = {reply.status for reply in parse_replies(read_all(sock))}
    assert statuses <= {200, 400, 404, 405, 413, 417, 431, 501}
    assert [reply.status for reply in exchange(address, _GET)] == [200]
