"""One client's connection, from accept to close."""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.web.accounting import HttpCounts
from tcp_pressure_exporter.web.clients.http1 import Http1, Refusal
from tcp_pressure_exporter.web.clients.stream import Stream
from tcp_pressure_exporter.web.limits import Limits
from tcp_pressure_exporter.web.message import Request, Response, text_response
from tcp_pressure_exporter.web.pages.routes import Router
from tcp_pressure_exporter.web.protection.allowed_hosts import AllowedHosts
from tcp_pressure_exporter.web.protection.protection import Protection
from tcp_pressure_exporter.web.protection.tls import TlsServer

_LINGER_OFF = struct.pack("ii", 1, 0)
_LOGGED_PATH_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Shared:
    """What all connections of a server have in common."""

    router: Router
    log: FilteringBoundLogger
    limits: Limits = field(default_factory=Limits)
    protection: Callable[[], Protection] = Protection
    allowed_hosts: AllowedHosts = field(default_factory=AllowedHosts)
    counts: HttpCounts = field(default_factory=HttpCounts)


class Connection:
    """Serves one accepted, non-blocking socket until either side ends it; owns the socket.

    `answering` is true from a complete request until its answer is written. `stopping`, set by the
    server, makes the current answer the last one.
    """

    def __init__(self, sock: socket.socket, shared: Shared) -> None:
        self._stream = Stream(sock)
        self._shared = shared
        self._tls: TlsServer | None = None  # what admitted the client
        self.answering = False
        self.stopping = False

    async def run(self) -> None:
        """Serve and close. Ends without error whatever the client does; may be cancelled."""
        deadline = self._head_deadline()
        try:
            async with asyncio.timeout_at(deadline):
                secured = await self._secure()
            await self._serve(Http1(self._stream, self._shared.limits), deadline, secured=secured)
        except OSError as error:
            # Gone, silent or not reading: TimeoutError is an OSError too. Nobody is left to tell.
            self._shared.log.debug("connection ended", reason=str(error) or type(error).__name__)
        finally:
            self.close()

    def close(self) -> None:
        """Close the socket, even if `run` was cancelled before it began."""
        self._stream.close()

    async def _secure(self) -> bool:
        """Shake hands if TLS is configured; False for a client that does not try to."""
        # Nothing is spent on a client before its first byte.
        begins_tls = await self._stream.begins_tls()
        self._tls = tls = self._shared.protection().tls
        if tls is None:
            return True
        if not begins_tls:
            return False
        if not tls.admits(await self._stream.start_tls(tls.context)):
            raise ConnectionAbortedError("the client's certificate has none of the allowed names")
        return True

    async def _serve(self, http: Http1, deadline: float, *, secured: bool) -> None:
        try:
            if not secured:
                raise Refusal(400, "This port speaks HTTPS.")  # noqa: TRY301  # answered below
            await self._exchange(http, deadline)
        except Refusal as refusal:
            self._shared.log.debug("request refused", status=refusal.status, reason=str(refusal))
            await self._send(http, self._shared.protection().dressed(refusal.response), last=True)
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
        protection = self._shared.protection()
        response = protection.dressed(await self._response(request, protection))
        path = request.path[:_LOGGED_PATH_CHARACTERS]
        self._shared.log.debug("request", method=request.method, path=path, status=response.status)
        # A client that asks for more than can be served must reconnect for each request.
        overload = response.status == HTTPStatus.SERVICE_UNAVAILABLE
        # A client that was admitted under replaced settings must reconnect under the new ones.
        replaced = protection.tls is not self._tls
        await self._send(http, response, last=self.stopping or overload or replaced)

    async def _send(self, http: Http1, response: Response, *, last: bool) -> None:
        self._shared.counts.answered(response.status)
        try:
            await http.send(response, last=last)
        except TimeoutError:
            # Without a reset, the kernel would keep the unread answer for minutes, as an orphan.
            self._stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
            raise

    async def _response(self, request: Request, protection: Protection) -> Response:
        # First: a client that asks for another host must not use up a token of the rate limit, or
        # learn that there is a password.
        if (misdirected := self._shared.allowed_hosts.refusal(request)) is not None:
            return misdirected
        try:
            async with asyncio.timeout(self._shared.limits.answer_seconds):
                if (refusal := await protection.refusal(request)) is not None:
                    return refusal
                return await self._shared.router.dispatch(request)
        except TimeoutError:
            return text_response(503, "The page was not ready in time.")

    def _head_deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._shared.limits.head_seconds
