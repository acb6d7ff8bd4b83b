"""From an accepted socket to a byte stream, with nothing spent before the first byte."""

import asyncio
import socket

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def readable(sock: socket.socket) -> None:
    """Wait until the non-blocking socket has bytes, an end of file or a client to accept."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(sock, _mark, ready)
    try:
        await ready
    finally:
        loop.remove_reader(sock)


async def open_stream(sock: socket.socket, *, buffer_bytes: int) -> Stream:
    """Hand the socket to asyncio; from here on the writer's transport owns and closes it.

    The caller has waited for the first byte (`readable`), as what is made here costs memory:
    a TLS layer, which asyncio adds in `connect_accepted_socket`, 256 KiB. Raises OSError.
    """
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        # asyncio sets it only where a socket knows its protocol, which accept leaves at 0.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=buffer_bytes, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock)
    # drain() shall mean "all of it is with the kernel", or a write deadline means little.
    transport.set_write_buffer_limits(high=0)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def _mark(ready: asyncio.Future[None]) -> None:
    # The selector may report a socket again before the waiting task has run.
    if not ready.done():
        ready.set_result(None)
