"""One client's connection, from accept to close."""

import asyncio
import socket
import struct
from contextlib import suppress

from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.web.http1 import Http1, Refusal
from tcp_pressure_exporter.web.limits import Limits
from tcp_pressure_exporter.web.message import Request, Response, text_response
from tcp_pressure_exporter.web.routes import Router
from tcp_pressure_exporter.web.stream import open_stream, readable

_LINGER_OFF = struct.pack("ii", 1, 0)
_LOGGED_PATH_CHARACTERS = 200


class Connection:
    """Serves one accepted, non-blocking socket until either side ends it; owns the socket.

    `answering` is true from a complete request to its written answer. `stopping`, set by the
    server, makes the answer under way the last one.
    """

    def __init__(
        self, sock: socket.socket, router: Router, limits: Limits, log: FilteringBoundLogger
    ) -> None:
        self._sock = sock
        self._router = router
        self._limits = limits
        self._log = log
        self.answering = False
        self.stopping = False

    async def run(self) -> None:
        """Serve and close. Ends without error whatever the client does; may be cancelled."""
        deadline = self._head_deadline()
        try:
            async with asyncio.timeout_at(deadline):
                await readable(self._sock)
            await self._run_stream(deadline)
        except OSError as error:
            # Gone, silent or not reading: TimeoutError is an OSError too. Nobody is left to tell.
            self._log.debug("connection ended", reason=str(error) or type(error).__name__)
        finally:
            self._sock.close()

    async def _run_stream(self, deadline: float) -> None:
        stream = await open_stream(self._sock, buffer_bytes=self._limits.head_bytes)
        writer = stream[1]
        try:
            await self._serve(Http1(stream, self._limits), deadline)
        finally:
            writer.transport.abort()
            with suppress(OSError):  # what broke the connection has been raised to us before
                await writer.wait_closed()

    async def _serve(self, http: Http1, deadline: float) -> None:
        try:
            await self._exchange(http, deadline)
        except Refusal as refusal:
            self._log.debug("request refused", status=refusal.status, reason=str(refusal))
            await http.send(refusal.response, last=True)
        await http.linger()

    async def _exchange(self, http: Http1, deadline: float) -> None:
        while (request := await http.read_request(deadline)) is not None:
            self.answering = True
            await self._answer(http, request)
            self.answering = False
            if self.stopping or not http.reusable:
                return
            await http.wait_for_next()
            deadline = self._head_deadline()

    async def _answer(self, http: Http1, request: Request) -> None:
        response = await self._response(request)
        path = request.path[:_LOGGED_PATH_CHARACTERS]
        self._log.debug("request", method=request.method, path=path, status=response.status)
        try:
            await http.send(response, last=self.stopping)
        except TimeoutError:
            # Without a reset the kernel would keep the unread answer, as an orphan, for minutes.
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
            raise

    async def _response(self, request: Request) -> Response:
        try:
            async with asyncio.timeout(self._limits.answer_seconds):
                return await self._router.dispatch(request)
        except TimeoutError:
            return text_response(503, "The page was not ready in time.")

    def _head_deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._limits.head_seconds
