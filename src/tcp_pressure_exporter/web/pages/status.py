"""The status page at '/', the same as JSON, and the page's own files."""

from collections.abc import Awaitable, Callable, Hashable, Iterable
from functools import partial
from typing import NamedTuple, Protocol

from tcp_pressure_exporter.web.message import Request, Response
from tcp_pressure_exporter.web.pages.negotiation import GZIP, gzip_accepted, gzipped
from tcp_pressure_exporter.web.pages.renderer import Renderer

Header = tuple[str, str]

# Everything comes from this server, and nothing is inline in the page.
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS: tuple[Header, ...] = (
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
_RENDERINGS_KEPT = 8  # pages for many namespaces would otherwise take megabytes


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
        """Return a value that changes whenever the pages may change."""

    def known(self, netns: str) -> bool:
        """Whether there is a network namespace of this name."""

    def page(self, netns: str | None) -> bytes:
        """Return the page about a namespace, or about the worst one; slow."""

    def document(self) -> bytes:
        """Return the JSON document; slow."""

    def incidents(self) -> bytes:
        """Return the JSON document of what has happened; slow."""


class Rendering(NamedTuple):
    """The same content twice: as it is, and in gzip for clients that accept it."""

    plain: bytes
    compressed: bytes


class StatusPages:
    """Handlers. Each answer is made once per edition, on a separate thread."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._renderer = Renderer[Rendering]("status", keep=_RENDERINGS_KEPT)

    async def page(self, request: Request) -> Response:
        """Answer 200 with the page; `netns=` in the query chooses a namespace."""
        asked = request.query.get("netns")
        netns = asked[0] if asked else None
        if netns is not None and not self._status.known(netns):
            netns = ""  # one answer for all unknown names, or each would be rendered
        made = await self._made(("page", netns), partial(self._status.page, netns))
        return _response(request, made, PAGE_HEADERS)

    async def document(self, request: Request) -> Response:
        """Answer 200 with the document."""
        made = await self._made("document", self._status.document)
        return _response(request, made, _DOCUMENT_HEADERS)

    async def incidents(self, request: Request) -> Response:
        """Answer 200 with the document of what has happened."""
        made = await self._made("incidents", self._status.incidents)
        return _response(request, made, _DOCUMENT_HEADERS)

    def files(self) -> dict[str, Callable[[Request], Awaitable[Response]]]:
        """Return the handlers of the page's files by path."""
        return {file.path: _serve(file) for file in self._status.files}

    def close(self) -> None:
        """End the rendering thread."""
        self._renderer.close()

    async def _made(self, key: Hashable, make: Callable[[], bytes]) -> Rendering:
        return await self._renderer.get(key, partial(_rendering, make), self._status.edition())


def _rendering(make: Callable[[], bytes]) -> Rendering:
    plain = make()
    return Rendering(plain, gzipped(plain))


def _response(request: Request, made: Rendering, headers: tuple[Header, ...]) -> Response:
    vary = ("Vary", "Accept-Encoding")
    if gzip_accepted(request.header("accept-encoding")):
        return Response(200, made.compressed, (*headers, vary, GZIP))
    return Response(200, made.plain, (*headers, vary))


def _serve(file: File) -> Callable[[Request], Awaitable[Response]]:
    answer = Response(200, file.body, (("Content-Type", file.content_type), _KEPT))

    async def serve(_request: Request) -> Response:
        return answer

    return serve
