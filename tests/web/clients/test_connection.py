import errno
import select
import socket
import struct
from collections.abc import Iterator

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric

from tcp_pressure_exporter.web.limits import Limits
from tests.web.harness import (
    PATIENCE_SECONDS,
    GatedFamilies,
    Serving,
    client,
    eventually,
    get,
    parse_replies,
    read_all,
    request_bytes,
)


def _large_family() -> Iterator[Metric]:
    gauge = GaugeMetricFamily("large", "Large.", labels=["filler"])
    for number in range(2000):
        gauge.add_metric([f"{number}-{'x' * 1000}"], number)
    yield gauge


def test_keep_alive() -> None:
    """One connection answers many requests, one after the other."""
    with Serving() as serving, client(serving.address) as sock:
        for _ in range(100):
            sock.sendall(request_bytes("GET", "/-/healthy"))
            [reply] = parse_replies(sock.recv(65536))
            assert reply.status == 200
            assert "connection" not in reply.headers


def test_pipelined_requests_are_answered_in_order() -> None:
    """Requests sent at once are answered in order (RFC 9112 section 9.3.2)."""
    paths = ["/-/healthy", "/missing", "/metrics", "/-/ready"] * 10
    requests = b"".join(request_bytes("GET", path) for path in paths)
    last = request_bytes("GET", "/", "Connection: close")
    with Serving() as serving, client(serving.address) as sock:
        sock.sendall(requests + last)
        statuses = [reply.status for reply in parse_replies(read_all(sock))]
    assert statuses == [200, 404, 200, 200] * 10 + [200]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", None),
        (b"GET / HTTP/1.1\r\nHost:", 408),
        (request_bytes("GET", "/", "Content-Length: 10") + b"five!", 408),
        (request_bytes("GET", "/-/healthy") + b"GET", 408),
    ],
)
def test_unfinished_request(sent: bytes, status: int | None) -> None:
    """A silent client is closed without an answer; one that stops midway gets 408."""
    limits = Limits(head_seconds=0.3, body_seconds=0.3)
    with Serving(limits=limits) as serving, client(serving.address) as sock:
        sock.sendall(sent)
        replies = parse_replies(read_all(sock))
    assert (replies[-1].status if replies else None) == status


def test_idle_connection_is_closed() -> None:
    """A connection without another request is closed after the idle time."""
    with Serving(limits=Limits(idle_seconds=0.2)) as serving, client(serving.address) as sock:
        sock.sendall(request_bytes("GET", "/-/healthy"))
        [reply] = parse_replies(read_all(sock))
    assert reply.status == 200


def test_client_that_never_reads_is_reset() -> None:
    """A client that asks but never reads is cut off by a reset; others are served meanwhile."""
    limits = Limits(write_seconds=0.3)
    with Serving(_large_family, limits=limits) as serving, socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(serving.address)
        sock.sendall(request_bytes("GET", "/metrics") * 20)
        assert get(serving.address, "/-/healthy").status == 200
        poll = select.poll()
        poll.register(sock, 0)  # hang-ups and errors are always reported
        assert poll.poll(PATIENCE_SECONDS * 1000)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET


def test_client_that_resets_while_it_is_answered() -> None:
    """A client that resets its connection leaves the server serving and no error in the log."""
    with Serving(_large_family) as serving:
        for _ in range(10):
            with client(serving.address) as sock:
                sock.sendall(request_bytes("GET", "/metrics"))
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert get(serving.address).status == 200
    assert {entry["log_level"] for entry in serving.logged.entries} == {"debug"}


def test_page_that_takes_too_long() -> None:
    """A page that is not ready in time is answered with 503."""
    stuck = GatedFamilies()
    with Serving(stuck, limits=Limits(answer_seconds=0.2)) as serving:
        reply = get(serving.address)
        stuck.opened.set()
    assert (reply.status, reply.body) == (503, b"The page was not ready in time.\n")


def test_requests_are_logged_at_debug_only() -> None:
    """A request is one debug line with method, path (bounded) and status."""
    with Serving() as serving:
        get(serving.address, "/" + "a" * 1000)
        eventually(lambda: bool(serving.logged.entries))
    [entry] = [entry for entry in serving.logged.entries if entry["event"] == "request"]
    assert (entry["method"], entry["status"], entry["log_level"]) == ("GET", 404, "debug")
    assert len(entry["path"]) == 200
