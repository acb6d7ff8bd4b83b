"""The accept loop: it owns the connections, their number and their end."""

import asyncio
import errno
import os
import socket
from collections.abc import Sequence

from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.web.connection import Connection
from tcp_pressure_exporter.web.limits import Limits
from tcp_pressure_exporter.web.routes import Router
from tcp_pressure_exporter.web.stream import readable

_ACCEPT_PAUSE_SECONDS = 0.1


class Server:
    """Serves a router on listening, non-blocking sockets; owns both from `run` on."""

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        router: Router,
        *,
        log: FilteringBoundLogger,
        limits: Limits | None = None,
    ) -> None:
        self._listeners = listeners
        self._router = router
        self._log = log
        self._limits = limits or Limits()
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._reported: set[int | None] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then finish the answers under way and close everything."""
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
            self._router.close()

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            await readable(listener)
            try:
                sock, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                continue  # the client left, or another process that shares the socket was faster
            except OSError as error:
                await self._pause(error)
                continue
            self._admit(sock)
            await asyncio.sleep(0)  # a storm of clients shall not keep those inside waiting

    async def _pause(self, error: OSError) -> None:
        """Out of descriptors or memory: say so once, give one back, try again."""
        if error.errno not in self._reported:
            self._reported.add(error.errno)
            name = errno.errorcode.get(error.errno or 0, "unknown")
            reason = os.strerror(error.errno or 0)
            self._log.warning("cannot accept connections", error=name, reason=reason)
        closing = self._close_one()
        if closing is None:
            await asyncio.sleep(_ACCEPT_PAUSE_SECONDS)
        else:
            await asyncio.wait([closing], timeout=_ACCEPT_PAUSE_SECONDS)

    def _admit(self, sock: socket.socket) -> None:
        if len(self._connections) >= self._limits.connections:
            self._close_one()
        sock.settimeout(0)
        connection = Connection(sock, self._router, self._limits, self._log)
        task = asyncio.create_task(connection.run())
        self._connections[task] = connection
        task.add_done_callback(self._forget)

    def _close_one(self) -> asyncio.Task[None] | None:
        """Begin to close the oldest that is not being answered; if all are, the oldest."""
        open_ones = [task for task in self._connections if not task.cancelling()]
        idle = (task for task in open_ones if not self._connections[task].answering)
        oldest = next(idle, open_ones[0] if open_ones else None)
        if oldest is not None:
            oldest.cancel()
        return oldest

    def _forget(self, task: asyncio.Task[None]) -> None:
        del self._connections[task]
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
