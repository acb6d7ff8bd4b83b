"""Renderings of the newest edition: each is made once, off the event loop, for all who ask."""

import asyncio
import gzip
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

# Half the time of the default level 9 for a page a few percent larger.
_GZIP_LEVEL = 6
_MOST = 8  # bodies kept: pages of many namespaces would else take megabytes


class Body(NamedTuple):
    """The same twice: as it is, and for those who accept gzip."""

    plain: bytes
    compressed: bytes


class EditionCache:
    """Keeps the last few bodies that were made of one edition, and nothing of those before it."""

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="status")
        self._edition: Hashable = None
        self._made: dict[Hashable, asyncio.Task[Body]] = {}

    async def get(self, edition: Hashable, key: Hashable, make: Callable[[], bytes]) -> Body:
        """Return what `make` returns for this key of this edition; raises whatever it raises."""
        if edition != self._edition:
            self._edition, self._made = edition, {}
        task = self._made.get(key)
        if task is None:
            if len(self._made) >= _MOST:
                del self._made[next(iter(self._made))]
            task = self._made[key] = asyncio.create_task(self._run(make))
            task.add_done_callback(partial(self._drop_failure, self._made, key))
        # One client that leaves must not take the page from the others.
        return await asyncio.shield(task)

    def close(self) -> None:
        """Let the worker end after the rendering under way."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _run(self, make: Callable[[], bytes]) -> Body:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, _body, make)

    @staticmethod
    def _drop_failure(
        made: dict[Hashable, "asyncio.Task[Body]"], key: Hashable, task: "asyncio.Task[Body]"
    ) -> None:
        """Forget what failed, so that the next request tries again."""
        failed = task.cancelled() or task.exception() is not None
        if failed and made.get(key) is task:
            del made[key]


def _body(make: Callable[[], bytes]) -> Body:
    plain = make()
    return Body(plain, gzip.compress(plain, _GZIP_LEVEL, mtime=0))
