"""The server: accepts clients, bounds their number, and ends them when it stops."""

import asyncio
import ctypes
import errno
import os
import socket
import sys
from collections.abc import Sequence

from tcp_pressure_exporter.web.accounting import Episodes
from tcp_pressure_exporter.web.clients.connection import Connection, Shared
from tcp_pressure_exporter.web.clients.stream import readable

if sys.platform != "win32":
    import resource

_ACCEPTED_AT_ONCE = 128
_LEAST_CONNECTIONS = 8
_ACCEPT_PAUSE_SECONDS = 0.1
_CROWD = 64  # connections at once, far more than scrapers make


class Server:
    """Serves the router on listening, non-blocking sockets; owns both from `run` on."""

    def __init__(self, listeners: Sequence[socket.socket], shared: Shared) -> None:
        self._listeners = listeners
        self._shared = shared
        self._limits = shared.limits
        self._log = shared.log
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._crowded = False
        self._shortages = Episodes()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then finish the current answers and close everything."""
        try:
            async with asyncio.TaskGroup() as group:
                accepting = [group.create_task(self._accept(sock)) for sock in self._listeners]
                await stop.wait()
                for task in accepting:
                    task.cancel()
        finally:
            for listener in self._listeners:
                listener.close()
            await self._finish()
            self._shared.router.close()

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            await readable(listener)
            # Several at a time, or existing clients would slow down new ones; not all, or new ones
            # would slow down existing ones.
            for _ in range(_ACCEPTED_AT_ONCE):
                try:
                    sock, _ = listener.accept()
                except (BlockingIOError, ConnectionAbortedError):
                    break  # none is left, or the client has gone
                except OSError as error:
                    await self._pause(error)
                    break
                self._admit(sock)
            await asyncio.sleep(0)

    async def _pause(self, error: OSError) -> None:
        """Out of descriptors or memory: say so, close a connection, try again."""
        self._shared.counts.accept_failures += 1
        if self._shortages.begins(error.errno):
            name = errno.errorcode.get(error.errno or 0, "unknown")
            reason = os.strerror(error.errno or 0)
            self._log.warning("cannot accept connections", error=name, reason=reason)
        closing = self._close_one()
        if closing is None:
            await asyncio.sleep(_ACCEPT_PAUSE_SECONDS)
        else:
            await asyncio.wait([closing], timeout=_ACCEPT_PAUSE_SECONDS)

    def _admit(self, sock: socket.socket) -> None:
        if len(self._connections) >= self._room():
            self._close_one()
        sock.settimeout(0)
        # The kernel would buffer megabytes for a client that does not read.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._limits.send_buffer_bytes)
        connection = Connection(sock, self._shared)
        task = asyncio.create_task(connection.run())
        self._connections[task] = connection
        self._crowded |= len(self._connections) >= _CROWD
        task.add_done_callback(self._forget)

    def _room(self) -> int:
        """Return how many connections leave enough descriptors for the sampler."""
        if sys.platform == "win32":  # its sockets are not descriptors
            return self._limits.connections
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if allowed == resource.RLIM_INFINITY:
            return self._limits.connections
        spared = max(allowed - self._limits.spared_descriptors, _LEAST_CONNECTIONS)
        return min(self._limits.connections, spared)

    def _close_one(self) -> asyncio.Task[None] | None:
        """Start closing the oldest one that is not being answered, or the oldest if all are."""
        open_ones = [task for task in self._connections if not task.cancelling()]
        idle = (task for task in open_ones if not self._connections[task].answering)
        oldest = next(idle, open_ones[0] if open_ones else None)
        if oldest is not None:
            oldest.cancel()
        return oldest

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._connections.pop(task).close()
        if self._crowded and len(self._connections) <= _CROWD // 8:
            self._crowded = False
            _give_memory_back()
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._log.error("connection failed", exc_info=error)

    async def _finish(self) -> None:
        for task, connection in self._connections.items():
            connection.stopping = True
            if not connection.answering:
                task.cancel()
        if self._connections:
            _, late = await asyncio.wait(self._connections, timeout=self._limits.stop_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def _give_memory_back() -> None:
    """Let the C library return free pages to the kernel.

    Otherwise it keeps those below any used one: 20 MB after 500 unfinished TLS handshakes.
    malloc_trim(3) is glibc's: with another C library nothing happens.
    """
    if sys.platform == "win32":  # ctypes does not find it without a name there either
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
