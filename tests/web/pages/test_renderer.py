"""What is rendered once for all that ask: at the same time, or for one edition."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing

import pytest

from tcp_pressure_exporter.web.pages.renderer import Renderer
from tests.web.harness import PATIENCE_SECONDS


@pytest.fixture
def renderer() -> Iterator[Renderer[str]]:
    """One that keeps nothing."""
    with closing(Renderer[str]("test")) as renderer:
        yield renderer


@pytest.fixture
def keeper() -> Iterator[Renderer[str]]:
    """One that keeps the last eight of an edition."""
    with closing(Renderer[str]("test", keep=8)) as keeper:
        yield keeper


@pytest.fixture(params=["renderer", "keeper"])
def either(request: pytest.FixtureRequest) -> Renderer[str]:
    """Each of the two, where they behave the same."""
    made: Renderer[str] = request.getfixturevalue(request.param)
    return made


class Maker:
    """Makes numbered bodies, and records on which threads."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def __call__(self) -> str:
        self.threads.append(threading.get_ident())
        return f"body {len(self.threads)}"


class Gate:
    """Makes a body once it is opened."""

    def __init__(self) -> None:
        self.begun, self.opened = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.opened.wait(PATIENCE_SECONDS)
        return "body"


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(_bounded(test))


async def _bounded(test: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await test()


def test_once_for_all_who_ask_at_the_same_time(either: Renderer[str]) -> None:
    """All that ask for the same while it is made share it; it is made off the loop's thread."""
    make = Maker()

    async def test() -> None:
        bodies = await asyncio.gather(*(either.get("page", make) for _ in range(5)))
        assert bodies == ["body 1"] * 5

    run(test)
    assert len(make.threads) == 1
    assert threading.get_ident() not in make.threads


def test_one_thread(either: Renderer[str]) -> None:
    """Different keys are made on the same thread, one after the other."""
    make = Maker()

    async def test() -> None:
        bodies = await asyncio.gather(*(either.get(key, make) for key in "abc"))
        assert bodies == ["body 1", "body 2", "body 3"]

    run(test)
    assert set(make.threads) == {make.threads[0]}


def test_later_ones_anew(renderer: Renderer[str]) -> None:
    """If nothing is kept, a request after it is done gets a new one."""
    make = Maker()

    async def test() -> None:
        assert [await renderer.get("page", make) for _ in range(2)] == ["body 1", "body 2"]

    run(test)


def test_under_way(either: Renderer[str]) -> None:
    """A rendering that nothing waits for any more is under way until it is done."""
    gate = Gate()

    async def test() -> None:
        asking = [asyncio.create_task(either.get(key, gate)) for key in "ab"]
        await asyncio.sleep(0)
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)
        assert either.under_way == 2
        gate.opened.set()
        assert await either.get("b", gate) == "body"
        assert either.under_way == 0

    run(test)


def test_once_for_an_edition(keeper: Renderer[str]) -> None:
    """A request after it is done gets what was made, as long as the edition is the same."""
    make = Maker()

    async def test() -> None:
        keys = [(1, "page"), (1, "document"), (1, "page"), (2, "page"), (2, "page"), (1, "page")]
        bodies = [await keeper.get(key, make, edition) for edition, key in keys]
        assert bodies == ["body 1", "body 2", "body 1", "body 3", "body 3", "body 4"]

    run(test)


def test_an_edition_that_ends_meanwhile(keeper: Renderer[str]) -> None:
    """What is under way for one edition is neither given to requests for the next nor kept."""
    gate, make = Gate(), Maker()

    async def test() -> None:
        old = asyncio.create_task(keeper.get("page", gate, 1))
        await asyncio.to_thread(gate.begun.wait, PATIENCE_SECONDS)
        new = asyncio.create_task(keeper.get("page", make, 2))
        await asyncio.sleep(0)
        gate.opened.set()
        assert [await old, await new] == ["body", "body 1"]
        assert await keeper.get("page", make, 2) == "body 1"

    run(test)


def test_few_are_kept(keeper: Renderer[str]) -> None:
    """Of many keys the last eight are kept."""
    make = Maker()

    async def test() -> None:
        for key in range(9):
            await keeper.get(key, make)
        assert await keeper.get(1, make) == "body 2"
        assert await keeper.get(0, make) == "body 10"

    run(test)


def test_failure_is_not_kept(either: Renderer[str]) -> None:
    """A rendering that raises does so for all that wait; the next request tries again."""
    make = Maker()

    def fail() -> str:
        raise LookupError("broken")

    async def test() -> None:
        waiting = [either.get("page", fail) for _ in range(2)]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [LookupError, LookupError]
        assert await either.get("page", make) == "body 1"

    run(test)


def test_a_client_that_leaves(either: Renderer[str]) -> None:
    """A client that leaves while a page is rendered does not take it from the others."""
    gate = Gate()

    async def test() -> None:
        first = asyncio.create_task(either.get("page", gate))
        await asyncio.to_thread(gate.begun.wait, PATIENCE_SECONDS)
        second = asyncio.create_task(either.get("page", gate))
        await asyncio.sleep(0)
        first.cancel()
        gate.opened.set()
        assert await second == "body"
        assert first.cancelled()

    run(test)
