import asyncio
import threading
from collections.abc import Iterator

import pytest
from prometheus_client.core import Metric

from tcp_pressure_exporter.web.pages.metrics import Renderer, Variant, page
from tcp_pressure_exporter.web.pages.negotiation import CLASSIC, OPENMETRICS
from tests.web.harness import PATIENCE_SECONDS, registry_of, two_families


def test_rendering_leaves_the_families_alone() -> None:
    """A filtered page does not take samples away from a family that a collector keeps."""
    kept = list(two_families())
    registry = registry_of(lambda: kept)
    whole = page(registry, Variant(CLASSIC))
    page(registry, Variant(CLASSIC, frozenset({"closes_total"})))
    assert page(registry, Variant(CLASSIC)) == whole


def test_rendering_runs_in_one_other_thread() -> None:
    """All renderings run in the same thread, which is not the event loop's."""
    threads = []

    def note() -> Iterator[Metric]:
        threads.append(threading.current_thread())
        return two_families()

    async def render_twice() -> None:
        renderer = Renderer(registry_of(note))
        variants = (Variant(CLASSIC), Variant(OPENMETRICS))
        await asyncio.gather(*(renderer.render(variant) for variant in variants))
        renderer.close()

    asyncio.run(render_twice())
    assert len(threads) == 2
    assert set(threads) == {threads[0]}
    assert threads[0] is not threading.current_thread()


def test_waiter_that_leaves() -> None:
    """A waiter that is cancelled does not take the page from another waiter."""
    opened = threading.Event()

    def gated() -> Iterator[Metric]:
        assert opened.wait(PATIENCE_SECONDS)
        return two_families()

    async def leave() -> bytes:
        renderer = Renderer(registry_of(gated))
        leaving = asyncio.create_task(renderer.render(Variant(CLASSIC)))
        staying = asyncio.create_task(renderer.render(Variant(CLASSIC)))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        opened.set()
        body = await staying
        renderer.close()
        return body

    assert b"ports_used" in asyncio.run(leave())
