"""The metrics page: which samples, in which format, and how many scrapes at a time."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.web.accounting import Episodes
from tcp_pressure_exporter.web.message import Request, Response, text_response
from tcp_pressure_exporter.web.pages.negotiation import (
    GZIP,
    Format,
    choose_format,
    gzip_accepted,
    gzipped,
)
from tcp_pressure_exporter.web.pages.renderer import Renderer


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to render the registry. No names means all samples."""

    format: Format
    names: frozenset[str] = frozenset()
    compressed: bool = False


class MetricsPage:
    """Answers scrapes of a registry; at most `max_requests` at a time, 0 for no limit.

    `name[]=` in the query, repeatable, selects samples by name. Accept decides the format,
    Accept-Encoding decides gzip.
    """

    def __init__(
        self, registry: Collector, *, max_requests: int, log: FilteringBoundLogger
    ) -> None:
        self._registry = registry
        # It keeps nothing: each scrape must see the newest sample.
        self._renderer = Renderer[bytes]("render")
        self._max_requests = max_requests
        self._log = log
        self._requests = 0
        self._refusals = Episodes()

    async def handle(self, request: Request) -> Response:
        """Answer 200 with the page, 503 over the limit, 500 if a collector raised."""
        # Clients that have gone may have left renderings behind.
        busy = max(self._requests, self._renderer.under_way)
        if self._max_requests and busy >= self._max_requests:
            return self._refuse()
        self._requests += 1
        try:
            return await self._scrape(request)
        finally:
            self._requests -= 1

    def close(self) -> None:
        """End the rendering thread."""
        self._renderer.close()

    def _refuse(self) -> Response:
        if self._refusals.begins():
            self._log.warning("refusing scrapes: too many at once", limit=self._max_requests)
        return text_response(503, f"Already serving {self._max_requests} scrapes; try again later.")

    async def _scrape(self, request: Request) -> Response:
        variant = Variant(
            choose_format(request.header("accept")),
            frozenset(request.query.get("name[]", ())),
            gzip_accepted(request.header("accept-encoding")),
        )
        try:
            body = await self._renderer.get(variant, partial(page, self._registry, variant))
        except Exception:  # noqa: BLE001 - collectors are anyone's code; the server must live on
            self._log.exception("rendering the metrics failed")
            return text_response(500, "Rendering the metrics failed; the log has the reason.")
        return Response(200, body, _headers(variant))


def page(registry: Collector, variant: Variant) -> bytes:
    """Render a registry immediately, in the calling thread."""
    body = variant.format.generate(_Selection(registry, variant.names))
    return gzipped(body) if variant.compressed else body


class _Selection:
    """A registry reduced to samples with the given names, if any, and without `_created` ones.

    The registry's own restriction finds nothing in collectors without describe().
    """

    def __init__(self, registry: Collector, names: frozenset[str]) -> None:
        self._registry = registry
        self._names = names

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            chosen = copy.copy(family)
            chosen.samples = [sample for sample in family.samples if self._has(family, sample.name)]
            if chosen.samples or not self._names:
                yield chosen

    def _has(self, family: Metric, name: str) -> bool:
        return name != f"{family.name}_created" and (not self._names or name in self._names)


def _headers(variant: Variant) -> tuple[tuple[str, str], ...]:
    headers = (
        ("Content-Type", variant.format.content_type),
        ("Vary", "Accept, Accept-Encoding"),
    )
    return (*headers, GZIP) if variant.compressed else headers
