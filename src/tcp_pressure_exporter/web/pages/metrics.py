"""Rendering off the event loop: one worker thread, one rendering for all who wait for the same."""

import asyncio
import copy
import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.web.accounting import Episodes
from tcp_pressure_exporter.web.message import Request, Response, text_response
from tcp_pressure_exporter.web.pages.negotiation import Format, choose_format, gzip_accepted

# Half the time of the default level 9 for a page a few percent larger.
_GZIP_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to render the registry. No names means all samples."""

    format: Format
    names: frozenset[str] = frozenset()
    compressed: bool = False


class Renderer:
    """Renders a registry. Callers that ask for the same variant at the same time share the work.

    Nothing is kept once a rendering is done.
    """

    def __init__(self, registry: Collector) -> None:
        self._registry = registry
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="render")
        self._under_way: dict[Variant, asyncio.Task[bytes]] = {}

    @property
    def waiting(self) -> int:
        """How many renderings are not done yet, whether anyone still wants them or not."""
        return len(self._under_way)

    async def render(self, variant: Variant) -> bytes:
        """Page in this variant. Raises whatever the collectors raise."""
        task = self._under_way.get(variant)
        if task is None:
            task = asyncio.create_task(self._render(variant))
            self._under_way[variant] = task
        # One client that leaves must not take the page from the others.
        return await asyncio.shield(task)

    def close(self) -> None:
        """Let the worker end after the rendering under way."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _render(self, variant: Variant) -> bytes:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._worker, page, self._registry, variant)
        finally:
            del self._under_way[variant]


def page(registry: Collector, variant: Variant) -> bytes:
    """Render a registry at once, in the calling thread."""
    body = variant.format.generate(_Selection(registry, variant.names))
    return gzip.compress(body, _GZIP_LEVEL, mtime=0) if variant.compressed else body


class _Selection:
    """A registry reduced to samples with the given names, if any, and without `_created` ones.

    The registry's own restriction finds nothing in collectors that do not describe() themselves.
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
