"""HTTP/1.1 over one byte stream: h11 parses, this module reads and writes under deadlines."""

import asyncio
from email.utils import formatdate
from http import HTTPStatus

import h11

from tcp_pressure_exporter.web.clients.stream import Stream
from tcp_pressure_exporter.web.limits import Limits
from tcp_pressure_exporter.web.message import (
    InvalidHostError,
    Request,
    Response,
    parse_request,
    text_response,
)

# Small, as h11 checks the size of a head only between pieces of it.
_CHUNK_BYTES = 4096
_LINGER_BYTES = 1024 * 1024

_Parsed = h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]


class Refusal(Exception):  # noqa: N818 - not our error: the answer to a request that is not served
    """The request is refused before any page sees it; the connection ends after the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.response = text_response(status, reason)


class Http1:
    """The requests of one client, one after another (RFC 9112)."""

    def __init__(self, stream: Stream, limits: Limits) -> None:
        self._stream = stream
        self._limits = limits
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head_bytes)
        self._method = b""

    async def read_request(self, deadline: float) -> Request | None:
        """Return the next request without its body; None if the client closed between requests.

        `deadline`, in loop time, is for the head. Raises Refusal, or OSError if the peer is gone.
        """
        head = await self._read_head(deadline)
        if head is None:
            return None
        self._check_framing(head)
        await self._drop_body()
        try:
            return parse_request(head.method, head.target, head.headers)
        except InvalidHostError:
            raise Refusal(400, "The Host header is not valid.") from None
        except ValueError:
            raise Refusal(400, "The query has too many fields.") from None

    async def send(self, response: Response, *, last: bool) -> None:
        """Write the answer and wait until the kernel has all of it.

        Raises TimeoutError if the client does not take it in time, OSError if it is gone.
        """
        async with asyncio.timeout(self._limits.write_seconds):
            await self._stream.write(self._encoded(response, last=last))

    @property
    def reusable(self) -> bool:
        """Whether both sides are done with this exchange and neither asked to close."""
        return self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE

    async def wait_for_next(self) -> None:
        """Begin the next exchange: wait for its first byte, unless it came with the last one.

        Raises TimeoutError if the connection is idle for too long.
        """
        self._h11.start_next_cycle()
        await asyncio.sleep(0)  # a client that pipelines many requests must not monopolise the loop
        if not self._h11.trailing_data[0]:
            async with asyncio.timeout(self._limits.idle_seconds):
                self._h11.receive_data(await self._stream.read(_CHUNK_BYTES))

    async def linger(self) -> None:
        """Close our half and keep reading briefly, so that the client gets the last answer.

        Raises OSError.
        """
        async with asyncio.timeout(self._limits.linger_seconds):
            await self._stream.finish(_LINGER_BYTES)

    async def _read_head(self, deadline: float) -> h11.Request | None:
        self._method = b""
        try:
            async with asyncio.timeout_at(deadline):
                event = await self._next_event()
        except TimeoutError:
            raise Refusal(408, "The request did not arrive in time.") from None
        if not isinstance(event, h11.Request):
            return None
        self._method = event.method
        # A head that arrives in one piece exceeds h11's own limit before h11 checks.
        if _head_bytes(event) > self._limits.head_bytes:
            raise Refusal(431, HTTPStatus(431).phrase)
        return event

    def _check_framing(self, head: h11.Request) -> None:
        encoded = any(name == b"transfer-encoding" for name, _ in head.headers)
        if encoded and head.http_version == b"1.0":
            raise Refusal(400, "HTTP/1.0 has no Transfer-Encoding.")  # RFC 9112 section 6.1
        lengths = [int(value) for name, value in head.headers if name == b"content-length"]
        if lengths and encoded:
            # h11 lets Transfer-Encoding win; RFC 9112 section 6.3 allows refusal, against
            # smuggling.
            raise Refusal(400, "Transfer-Encoding and Content-Length cannot be combined.")
        if any(length > self._limits.body_bytes for length in lengths):
            raise Refusal(413, HTTPStatus(413).phrase)
        if self._h11.they_are_waiting_for_100_continue:
            raise Refusal(417, "No page accepts a request body.")

    async def _drop_body(self) -> None:
        left = self._limits.body_bytes
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while isinstance(event := await self._next_event(), h11.Data):
                    left -= len(event.data)
                    if left < 0:
                        raise Refusal(413, HTTPStatus(413).phrase)
        except TimeoutError:
            raise Refusal(408, "The body did not arrive in time.") from None

    async def _next_event(self) -> _Parsed:
        while (event := self._parsed()) is h11.NEED_DATA:
            self._h11.receive_data(await self._stream.read(_CHUNK_BYTES))
        return event

    def _parsed(self) -> _Parsed:
        try:
            return self._h11.next_event()
        except h11.RemoteProtocolError as error:
            # The parser's message quotes the client: it is not sent back.
            status = error.error_status_hint
            raise Refusal(status, HTTPStatus(status).phrase) from error

    def _encoded(self, response: Response, *, last: bool) -> bytes:
        headers = [
            ("Date", formatdate(usegmt=True)),
            *response.headers,
            ("Content-Length", str(len(response.body))),
        ]
        if last:
            headers.append(("Connection", "close"))
        status = HTTPStatus(response.status)
        head = h11.Response(status_code=status, reason=status.phrase, headers=headers)
        body = b"" if self._method == b"HEAD" else response.body
        events: tuple[h11.Response | h11.Data | h11.EndOfMessage, ...]
        events = (head, h11.Data(data=body), h11.EndOfMessage())
        return b"".join(self._h11.send(event) for event in events)


def _head_bytes(head: h11.Request) -> int:
    fields = sum(len(name) + len(value) + len(": \r\n") for name, value in head.headers)
    return len(head.method) + len(head.target) + len("  HTTP/1.1\r\n") + fields
