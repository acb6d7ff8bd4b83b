"""Bytes to and from an accepted socket, in clear or by TLS, without buffering in between.

asyncio's own streams hold 256 KiB for each TLS connection, and count an answer as sent when they
have only buffered it. Here a connection costs its socket, OpenSSL's state, and what is read.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

_T = TypeVar("_T")
_Ready = Callable[[socket.socket], Awaitable[None]]

_TLS_HANDSHAKE = b"\x16"  # ContentType.handshake (RFC 8446 section 5.1)
_DROPPED_PIECE_BYTES = 16 * 1024


class Stream:
    """One client's bytes. Owns the connected, non-blocking socket, which is `sock`, wrapped or not.

    Everything waits as long as the peer makes it wait: the caller sets deadlines. Raises OSError,
    including ssl.SSLError.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            # The body follows the head as a separate piece, which must not wait for an ACK.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def begins_tls(self) -> bool:
        """Wait for the first byte; return whether it begins a TLS handshake, or is the end."""
        await readable(self.sock)
        return self.sock.recv(1, socket.MSG_PEEK) in {_TLS_HANDSHAKE, b""}

    async def start_tls(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        """Shake hands; from here on bytes are encrypted."""
        secure = context.wrap_socket(self.sock, server_side=True, do_handshake_on_connect=False)
        self.sock = secure
        await self._done(secure.do_handshake, readable)
        return secure

    async def read(self, size: int) -> bytes:
        """Return up to `size` bytes; none at the end."""
        await asyncio.sleep(0)  # a client that never makes us wait must not monopolise the loop
        return await self._done(lambda: self.sock.recv(size), readable)

    async def write(self, data: bytes) -> None:
        """Return when the kernel has all of it."""
        left = memoryview(data)
        while left:
            left = left[await self._done(partial(self.sock.send, left), writable) :]

    async def finish(self, most: int) -> None:
        """Say that no more will come, and drop up to `most` bytes until the peer says so too.

        Closing while bytes are unread makes the kernel reset the connection, and a reset discards
        what the client has not read yet (RFC 9112 section 9.6).
        """
        if isinstance(self.sock, ssl.SSLSocket):
            # Only to send close_notify. SSLError: it would now wait for the peer's, or the kernel
            # has no room for ours; whatever else still comes is dropped unread, below.
            with suppress(ssl.SSLError):
                self.sock.unwrap()
        # With TLS too: what is read from here on is not decrypted.
        self.sock.shutdown(socket.SHUT_WR)
        while most > 0 and (dropped := await self.read(_DROPPED_PIECE_BYTES)):
            most -= len(dropped)

    def close(self) -> None:
        self.sock.close()

    async def _done(self, attempt: Callable[[], _T], ready: _Ready) -> _T:
        """Attempt it again and again, whenever the socket is ready for it."""
        while True:
            try:
                return attempt()
            except ssl.SSLWantReadError:
                await readable(self.sock)
            except ssl.SSLWantWriteError:
                await writable(self.sock)
            except BlockingIOError:
                await ready(self.sock)


async def readable(sock: socket.socket) -> None:
    """Wait until the non-blocking socket has bytes, an end of file or a client to accept."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(sock, _mark, ready)
    try:
        await ready
    finally:
        loop.remove_reader(sock)


async def writable(sock: socket.socket) -> None:
    """Wait until the kernel takes bytes for the non-blocking socket, or has given up on it."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(sock, _mark, ready)
    try:
        await ready
    finally:
        loop.remove_writer(sock)


def _mark(ready: asyncio.Future[None]) -> None:
    # The selector may report a socket again before the waiting task has run.
    if not ready.done():
        ready.set_result(None)
