"""The status page at '/', the same as JSON, and the page's own files."""

from collections.abc import Awaitable, Callable, Hashable, Iterable
from functools import partial
from typing import Protocol

from tcp_pressure_exporter.web.message import Request, Response
from tcp_pressure_exporter.web.pages.cache import Body, EditionCache
from tcp_pressure_exporter.web.pages.negotiation import gzip_accepted

Header = tuple[str, str]

# Everything comes from this server, and nothing is written inside the page itself.
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE_HEADERS: tuple[Header, ...] = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Security-Policy", _POLICY),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
    ("Cache-Control", "no-store"),
)
_DOCUMENT_HEADERS: tuple[Header, ...] = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
)
_KEPT = ("Cache-Control", "public, max-age=31536000, immutable")


class File(Protocol):
    """A file that never changes under its path."""

    @property
    def path(self) -> str: ...
    @property
    def content_type(self) -> str: ...
    @property
    def body(self) -> bytes: ...


class Status(Protocol):
    """What makes the pages."""

    @property
    def files(self) -> Iterable[File]:
        """The files that the page needs."""

    def edition(self) -> Hashable:
        """Return what differs whenever the pages may."""

    def known(self, netns: str) -> bool:
        """Whether there is a network namespace of this name."""

    def page(self, netns: str | None) -> bytes:
        """Return the page about a namespace, or about the worst; takes its time."""

    def document(self) -> bytes:
        """Return the JSON document; takes its time."""


class StatusPages:
    """Handlers. Each answer is made once for each edition, on a thread of its own."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._cache = EditionCache()

    async def page(self, request: Request) -> Response:
        """200 with the page; `netns=` in the query chooses a namespace."""
        asked = request.query.get("netns")
        netns = asked[0] if asked else None
        if netns is not None and not self._status.known(netns):
            netns = ""  # one answer for all names that are not there, else each would be made anew
        make = partial(self._status.page, netns)
        body = await self._cache.get(self._status.edition(), ("page", netns), make)
        return _response(request, body, _PAGE_HEADERS)

    async def document(self, request: Request) -> Response:
        """200 with the document."""
        make = self._status.document
        body = await self._cache.get(self._status.edition(), "document", make)
        return _response(request, body, _DOCUMENT_HEADERS)

    def files(self) -> dict[str, Callable[[Request], Awaitable[Response]]]:
        """Return the handlers of the page's files by their paths."""
        return {file.path: _serve(file) for file in self._status.files}

    def close(self) -> None:
        """End the rendering thread."""
        self._cache.close()


def _response(request: Request, body: Body, headers: tuple[Header, ...]) -> Response:
    vary = ("Vary", "Accept-Encoding")
    if gzip_accepted(request.header("accept-encoding")):
        return Response(200, body.compressed, (*headers, vary, ("Content-Encoding", "gzip")))
    return Response(200, body.plain, (*headers, vary))


def _serve(file: File) -> Callable[[Request], Awaitable[Response]]:
    answer = Response(200, file.body, (("Content-Type", file.content_type), _KEPT))

    async def serve(_request: Request) -> Response:
        return answer

    return serve
