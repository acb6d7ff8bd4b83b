import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import astuple
from pathlib import Path

import pytest

from tcp_pressure_exporter.web.clients.stream import Stream
from tests.support.labs.certificates import Authority


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Make a non-blocking end for the stream, and its peer."""
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    theirs.settimeout(10)
    with ours, theirs:
        yield ours, theirs


def run(sock: socket.socket, work: Callable[[Stream], Awaitable[bytes]]) -> bytes:
    async def main() -> bytes:
        async with asyncio.timeout(10):
            return await work(Stream(sock))

    return asyncio.run(main())


def test_read(pair: tuple[socket.socket, socket.socket]) -> None:
    """What has arrived is read piece by piece; at the end there is nothing."""
    ours, theirs = pair
    theirs.sendall(b"abc")
    theirs.shutdown(socket.SHUT_WR)

    async def read_all(stream: Stream) -> bytes:
        return b"|".join([await stream.read(2) for _ in range(3)])

    assert run(ours, read_all) == b"ab|c|"


def test_write_waits_for_the_kernel(pair: tuple[socket.socket, socket.socket]) -> None:
    """More than the kernel holds is written as the peer reads."""
    ours, theirs = pair
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    sent = bytes(range(256)) * 1000

    async def write(stream: Stream) -> bytes:
        loop = asyncio.get_running_loop()
        reading = loop.run_in_executor(None, _receive, theirs, len(sent))
        await stream.write(sent)
        return await reading

    assert run(ours, write) == sent


def _receive(sock: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size and (piece := sock.recv(65536)):
        received += piece
    return bytes(received)


def test_finish_drops_what_still_comes(pair: tuple[socket.socket, socket.socket]) -> None:
    """The peer sees the end; what it sent after that is dropped, so that nothing is unread."""
    ours, theirs = pair
    theirs.sendall(b"x" * 10_000)
    theirs.shutdown(socket.SHUT_WR)

    async def finish(stream: Stream) -> bytes:
        await stream.finish(20_000)
        return b""

    run(ours, finish)
    assert theirs.recv(1) == b""
    assert ours.recv(1) == b""


def test_finish_of_tls_drops_what_still_comes(
    pair: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    """Over TLS, too, the peer may keep sending, and sees the end in order (close_notify)."""
    ours, theirs = pair
    authority = Authority(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*astuple(authority.sign("server")))
    context = ssl.create_default_context(cafile=authority.cert)

    def send() -> bytes:
        wrapped = context.wrap_socket(
            theirs, server_hostname="localhost", suppress_ragged_eofs=False
        )
        with wrapped:
            wrapped.sendall(b"x" * 500_000)
            return wrapped.recv(10) + wrapped.recv(10)

    async def finish(stream: Stream) -> bytes:
        sending = asyncio.get_running_loop().run_in_executor(None, send)
        await stream.start_tls(server)
        await stream.read(10)
        await stream.write(b"enough")
        await stream.finish(1_000_000)
        stream.close()
        return await sending

    assert run(ours.dup(), finish) == b"enough"


def test_no_delay() -> None:
    """Over TCP, small pieces do not wait for the acknowledgement of earlier ones."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        Stream(accepted)
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
