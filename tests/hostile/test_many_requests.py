"""Good requests, more of them than anyone needs."""

import contextlib
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.hostile.target import Target, unharmed
from tests.web.harness import client, exchange, request_bytes

KEPT_ALIVE = 10_000
ASK = request_bytes("GET", "/metrics")
HEALTH = request_bytes("GET", "/-/healthy")


def read_answer(sock: socket.socket, buffer: bytearray) -> int:
    """Read one answer from the buffer and the socket; return its status."""
    while (end := buffer.find(b"\r\n\r\n")) < 0:
        buffer += _received(sock)
    head = bytes(buffer[:end]).decode()
    length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
    while len(buffer) < end + 4 + length:
        buffer += _received(sock)
    del buffer[: end + 4 + length]
    return int(head.split(" ")[1])


def _received(sock: socket.socket) -> bytes:
    piece = sock.recv(1 << 20)
    assert piece, "the server has closed the connection"
    return piece


def test_keep_alive(target: Target) -> None:
    """10,000 requests over one connection, every tenth a scrape, are all answered."""
    with unharmed(target, "10,000 requests on one connection"), client(target.address) as sock:
        buffer = bytearray()
        statuses: Counter[int] = Counter()
        for number in range(KEPT_ALIVE):
            sock.sendall(HEALTH if number % 10 else ASK)
            statuses[read_answer(sock, buffer)] += 1
        assert statuses == {200: KEPT_ALIVE}


def test_pipelining(target: Target) -> None:
    """2,000 pipelined requests are answered in order, and others are not kept waiting."""
    count = 2000
    paths = ["/-/healthy", "/nowhere"] * (count // 2)
    ahead = b"".join(request_bytes("GET", path) for path in paths)
    with unharmed(target, "2,000 requests sent ahead"), ThreadPoolExecutor(1) as beside:
        scrapes = beside.submit(target.scrapes, 15)
        last = request_bytes("GET", "/-/ready", "Connection: close")
        replies = exchange(target.address, ahead, last)
        assert [reply.status for reply in replies] == [200, 404] * (count // 2) + [200]
        assert scrapes.result() == [200] * 15


def test_sixty_scrapes_at_once(target: Target) -> None:
    """Of 60 scrapes at once each gets the page or, over the limit of 40, a 503; none is lost."""
    with unharmed(target, "60 scrapes at once"), contextlib.ExitStack() as stack:
        clients = [stack.enter_context(client(target.address)) for _ in range(60)]
        for sock in clients:
            sock.sendall(ASK)
        statuses = Counter(read_answer(sock, bytearray()) for sock in clients)
        assert set(statuses) <= {200, 503}
        assert statuses[200] >= 40


def test_sixty_scrapes_at_once_by_tls(guarded: Target) -> None:
    """60 scrapes at once, each with a handshake and a password, get the page or a 503."""
    with (
        unharmed(guarded, "60 scrapes at once, by TLS with a password"),
        ThreadPoolExecutor(60) as pool,
    ):
        statuses = Counter(pool.map(lambda _: guarded.scrape(), range(60)))
        assert set(statuses) <= {200, 503}
        assert statuses[200] >= 40
