"""The page that Prometheus scrapes."""

from prometheus_client.registry import Collector
from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.web.episodes import Episodes
from tcp_pressure_exporter.web.message import Request, Response, text_response
from tcp_pressure_exporter.web.negotiation import choose_format, gzip_accepted
from tcp_pressure_exporter.web.rendering import Renderer, Variant


class MetricsPage:
    """Answers scrapes of a registry; at most `max_requests` at a time, 0 for no limit.

    `name[]=` in the query, repeatable, chooses samples by name. The format follows Accept, gzip
    follows Accept-Encoding.
    """

    def __init__(
        self, registry: Collector, *, max_requests: int, log: FilteringBoundLogger
    ) -> None:
        self._renderer = Renderer(registry)
        self._max_requests = max_requests
        self._log = log
        self._requests = 0
        self._refusals = Episodes()

    async def handle(self, request: Request) -> Response:
        """200 with the page, 503 over the limit, 500 when a collector raised."""
        # Clients that leave, or gave up, may have left renderings behind.
        busy = max(self._requests, self._renderer.waiting)
        if self._max_requests and busy >= self._max_requests:
            return self._refuse()
        self._requests += 1
        try:
            return await self._scrape(request)
        finally:
            self._requests -= 1

    def _refuse(self) -> Response:
        if self._refusals.begins():
            self._log.warning("scrapes are refused: too many at once", limit=self._max_requests)
        return text_response(503, f"Already answering {self._max_requests} scrapes; try later.")

    def close(self) -> None:
        """End the rendering thread."""
        self._renderer.close()

    async def _scrape(self, request: Request) -> Response:
        variant = Variant(
            choose_format(request.header("accept")),
            frozenset(request.query.get("name[]", ())),
            gzip_accepted(request.header("accept-encoding")),
        )
        try:
            body = await self._renderer.render(variant)
        except Exception:  # noqa: BLE001 - collectors are anyone's code; the server must live on
            self._log.exception("rendering the metrics failed")
            return text_response(500, "Rendering the metrics failed; the log has the reason.")
        return Response(200, body, _headers(variant))


def _headers(variant: Variant) -> tuple[tuple[str, str], ...]:
    headers = (
        ("Content-Type", variant.format.content_type),
        ("Vary", "Accept, Accept-Encoding"),
    )
    return (*headers, ("Content-Encoding", "gzip")) if variant.compressed else headers
