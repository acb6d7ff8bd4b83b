"""Rendering off the event loop: one worker thread, one rendering for all who wait for the same."""

import asyncio
import copy
import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from tcp_pressure_exporter.web.negotiation import Format

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
