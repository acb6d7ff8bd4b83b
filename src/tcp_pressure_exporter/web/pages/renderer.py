"""Renderings off the event loop: each is made once for all who ask for the same."""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Renderer(Generic[Made]):
    """Makes one rendering after the other, on a thread of its own.

    A request for one that is under way gets that one. Of those that are done, the last `keep` are
    kept as long as all requests are for one edition; a failure is never kept.
    """

    def __init__(self, thread_name: str, *, keep: int = 0) -> None:
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=thread_name)
        self._keep = keep
        self._edition: Hashable = None
        self._kept: dict[Hashable, Made] = {}
        self._under_way: dict[tuple[Hashable, Hashable], asyncio.Task[Made]] = {}

    @property
    def under_way(self) -> int:
        """How many renderings are not done yet, whether anyone still wants them or not."""
        return len(self._under_way)

    async def get(self, key: Hashable, make: Callable[[], Made], edition: Hashable = None) -> Made:
        """Return what `make` returns for this key of this edition; raises whatever it raises."""
        if edition != self._edition:
            self._edition, self._kept = edition, {}
        if key in self._kept:
            return self._kept[key]
        task = self._under_way.get((edition, key))
        if task is None:
            task = asyncio.create_task(self._make(edition, key, make))
            self._under_way[edition, key] = task
        # One client that leaves must not take the rendering from the others.
        return await asyncio.shield(task)

    def close(self) -> None:
        """Let the thread end after the rendering under way."""
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
