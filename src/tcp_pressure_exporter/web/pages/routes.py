"""Which page is at which path, including health, and what answers if there is none."""

import re
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client.registry import Collector
from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.web.message import Request, Response, text_response
from tcp_pressure_exporter.web.pages.documents import DOCUMENTS_PATH, DocumentPages, Documents
from tcp_pressure_exporter.web.pages.metrics import MetricsPage
from tcp_pressure_exporter.web.pages.status import Status, StatusPages

Handler = Callable[[Request], Awaitable[Response]]

HEALTHY_PATH = "/-/healthy"  # this and the next are the same as in Prometheus itself
READY_PATH = "/-/ready"
STATUS_PATH = "/api/v1/status"
INCIDENTS_PATH = "/api/v1/incidents"
STATIC_FOLDER = "/static/"
_METHODS = ("GET", "HEAD")
_NO_STORE = ("Cache-Control", "no-store")
_PLAIN_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")


class Router:
    """A table of handlers by path, and what must be closed with them."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        *,
        log: FilteringBoundLogger,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._handlers = handlers
        self._log = log
        self._on_close = on_close

    async def dispatch(self, request: Request) -> Response:
        """Return the answer of the page at the path, or 405, 404 or 500. HEAD is GET here."""
        if request.method not in _METHODS:
            return text_response(405, "Use GET or HEAD.", ("Allow", ", ".join(_METHODS)))
        handler = self._handlers.get(request.path)
        if handler is None:
            return text_response(404, "No such page.")
        try:
            return await handler(request)
        except Exception:  # noqa: BLE001 - one broken page must not take the others down
            self._log.exception("page failed", path=request.path)
            return text_response(500, "The page failed; the log has the reason.")

    def close(self) -> None:
        """Release what the handlers hold."""
        self._on_close()


def build_router(  # noqa: PLR0913 - the one place where all pages get what they need, by keyword
    *,
    telemetry_path: str,
    registry: Collector,
    unready: Callable[[], str | None],
    status: Status,
    documents: Documents,
    max_requests: int,
    log: FilteringBoundLogger,
) -> Router:
    """Return the router of the exporter's pages.

    `unready` returns None, or one line saying why samples cannot be trusted now. `status` makes the
    page at '/', and its files below STATIC_FOLDER; `documents` makes the pages below
    DOCUMENTS_PATH. `max_requests` bounds concurrent scrapes; 0 means no limit. Raises ValueError
    for a telemetry path that `check_telemetry_path` refuses.
    """
    check_telemetry_path(telemetry_path)
    metrics = MetricsPage(registry, max_requests=max_requests, log=log)
    pages = StatusPages(status)
    reading = DocumentPages(documents)
    handlers: dict[str, Handler] = {
        "/": pages.page,
        STATUS_PATH: pages.document,
        INCIDENTS_PATH: pages.incidents,
        **pages.files(),
        **reading.handlers(),
        telemetry_path: metrics.handle,
        HEALTHY_PATH: _healthy,
        READY_PATH: _readiness(unready),
    }

    def close() -> None:
        metrics.close()
        pages.close()
        reading.close()

    return Router(handlers, log=log, on_close=close)


def check_telemetry_path(path: str) -> None:
    """Raise ValueError, with a one-line reason, unless metrics can be served at this path."""
    if not path.startswith("/"):
        raise ValueError("must start with '/'")
    taken = {"/", HEALTHY_PATH, READY_PATH, STATUS_PATH, INCIDENTS_PATH, DOCUMENTS_PATH}
    if path in taken or path.startswith((STATIC_FOLDER, f"{DOCUMENTS_PATH}/")):
        raise ValueError(f"'{path}' is taken by another page")
    if not _PLAIN_PATH.fullmatch(path):
        raise ValueError("may hold letters, digits, '/', '_', '~', '-', and '.' inside a name")


async def _healthy(_request: Request) -> Response:
    """Answer 200 whenever the server can answer at all."""
    return text_response(200, "OK", _NO_STORE)


def _readiness(unready: Callable[[], str | None]) -> Handler:
    """Return a handler: 200, or 503 with the one-line reason from `unready`."""

    async def ready(_request: Request) -> Response:
        reason = unready()
        if reason is None:
            return text_response(200, "OK", _NO_STORE)
        return text_response(503, reason, _NO_STORE)

    return ready
