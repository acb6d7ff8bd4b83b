"""The documents: the list at '/docs/', and each document at its path below."""

import gzip
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Protocol

from tcp_pressure_exporter.web.message import Request, Response
from tcp_pressure_exporter.web.pages.negotiation import GZIP, gzip_accepted, gzipped
from tcp_pressure_exporter.web.pages.renderer import Renderer
from tcp_pressure_exporter.web.pages.status import PAGE_HEADERS

DOCUMENTS_PATH = "/docs"
_VARY = ("Vary", "Accept-Encoding")
# If the list is requested without the slash, its relative links would miss the folder.
_TO_THE_FOLDER = (
    b'<!doctype html><meta charset="utf-8"><title>Documents</title>'
    b'<meta http-equiv="refresh" content="0; url=docs/"><a href="docs/">Documents</a>\n'
)


class Documents(Protocol):
    """Makes the pages; `names` are paths below '/docs/', that of the list is empty."""

    @property
    def names(self) -> Iterable[str]: ...

    def page(self, name: str) -> bytes:
        """Return the page with a name, always the same; slow."""


class DocumentPages:
    """Handlers. Each page is made once, on a separate thread, and kept in gzip."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._names = tuple(documents.names)
        self._renderer = Renderer[bytes]("documents", keep=len(self._names))

    def handlers(self) -> dict[str, Callable[[Request], Awaitable[Response]]]:
        """Return the handlers by path."""
        return {
            f"{DOCUMENTS_PATH}/{name}" if name else DOCUMENTS_PATH: partial(self._answer, name)
            for name in self._names
        }

    def close(self) -> None:
        """End the rendering thread."""
        self._renderer.close()

    async def _answer(self, name: str, request: Request) -> Response:
        """200 with the page."""
        if not name and not request.folder:
            return Response(200, _TO_THE_FOLDER, PAGE_HEADERS)
        packed = await self._renderer.get(name, lambda: gzipped(self._documents.page(name)))
        if gzip_accepted(request.header("accept-encoding")):
            return Response(200, packed, (*PAGE_HEADERS, _VARY, GZIP))
        return Response(200, gzip.decompress(packed), (*PAGE_HEADERS, _VARY))
