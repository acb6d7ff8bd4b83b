"""What is rendered once for each edition."""

import asyncio
import gzip
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing

import pytest

from tcp_pressure_exporter.web.pages.cache import EditionCache


@pytest.fixture
def cache() -> Iterator[EditionCache]:
    with closing(EditionCache()) as cache:
        yield cache


class Maker:
    """Makes numbered bodies, and remembers on which threads."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def __call__(self) -> bytes:
        self.threads.append(threading.get_ident())
        return b"body %d" % len(self.threads)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(_bounded(test))


async def _bounded(test: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(10):
        await test()


def test_once_for_an_edition(cache: EditionCache) -> None:
    """All who ask for the same of one edition share one rendering, off the loop's thread."""
    make = Maker()

    async def test() -> None:
        bodies = await asyncio.gather(*(cache.get(1, "page", make) for _ in range(5)))
        bodies.append(await cache.get(1, "page", make))
        assert {body.plain for body in bodies} == {b"body 1"}
        assert {gzip.decompress(body.compressed) for body in bodies} == {b"body 1"}

    run(test)
    assert len(make.threads) == 1
    assert threading.get_ident() not in make.threads


def test_each_key_and_edition_anew(cache: EditionCache) -> None:
    """Another key is another body, and a new edition forgets those before it."""
    make = Maker()

    async def test() -> None:
        keys = [(1, "page"), (1, "document"), (2, "page"), (1, "page")]
        bodies = [await cache.get(edition, key, make) for edition, key in keys]
        assert [body.plain for body in bodies] == [b"body 1", b"body 2", b"body 3", b"body 4"]

    run(test)


def test_few_are_kept(cache: EditionCache) -> None:
    """Of many keys the last eight stay."""
    make = Maker()

    async def test() -> None:
        for key in range(9):
            await cache.get(1, key, make)
        assert (await cache.get(1, 1, make)).plain == b"body 2"
        assert (await cache.get(1, 0, make)).plain == b"body 10"

    run(test)


def test_failure_is_not_kept(cache: EditionCache) -> None:
    """A rendering that raises does so for all who wait; the next request tries again."""
    make = Maker()

    def fail() -> bytes:
        raise LookupError("broken")

    async def test() -> None:
        waiting = [cache.get(1, "page", fail) for _ in range(2)]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [LookupError, LookupError]
        assert (await cache.get(1, "page", make)).plain == b"body 1"

    run(test)


def test_a_client_that_leaves(cache: EditionCache) -> None:
    """Who leaves while a page is rendered does not take it from the others."""
    begun, go_on = threading.Event(), threading.Event()

    def make() -> bytes:
        begun.set()
        assert go_on.wait(10)
        return b"body"

    async def test() -> None:
        first = asyncio.create_task(cache.get(1, "page", make))
        await asyncio.to_thread(begun.wait, 10)
        second = asyncio.create_task(cache.get(1, "page", make))
        await asyncio.sleep(0)
        first.cancel()
        go_on.set()
        assert (await second).plain == b"body"
        assert first.cancelled()

    run(test)
