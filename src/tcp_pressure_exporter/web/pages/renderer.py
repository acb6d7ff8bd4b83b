"""Rendering off the event loop: each page is made once for everyone who asks for it."""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Renderer(Generic[Made]):
    """Makes one rendering after another, on a separate thread.

    A request for a rendering that is under way gets that one. The last `keep` that are done are
    kept while all requests are for one edition; a failure is never kept.
    """

    def __init__(self, thread_name: str, *, keep: int = 0) -> None:
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=thread_name)
        self._keep = keep
        self._edition: Hashable = None
        self._kept: dict[Hashable, Made] = {}
        self._under_way: dict[tuple[Hashable, Hashable], asyncio.Task[Made]] = {}

    @property
    def under_way(self) -> int:
        """How many renderings are not done yet, whether or not anyone still wants them."""
        return len(self._under_way)

    async def get(self, key: Hashable, make: Callable[[], Made], edition: Hashable = None) -> Made:
        """Return what `make` returns for this key in this edition; raises whatever it raises."""
        if edition != self._edition:
            self._edition, self._kept = edition, {}
        if key in self._kept:
            return self._kept[key]
        task = self._under_way.get((edition, key))
        if task is None:
            task = asyncio.create_task(self._make(edition, key, make))
            self._under_way[edition, key] = task
        # A client that leaves must not cancel the rendering for the others.
        return await asyncio.shield(task)

    def close(self) -> None:
        """Let the thread end after the current rendering."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _make(self, edition: Hashable, key: Hashable, make: Callable[[], Made]) -> Made:
        loop = asyncio.get_running_loop()
        try:
            made = await loop.run_in_executor(self._worker, make)
        finally:
            del self._under_way[edition, key]
        if edition == self._edition:
            self._kept[key] = made
            if len(self._kept) > self._keep:
                del self._kept[next(iter(self._kept))]
        return made
