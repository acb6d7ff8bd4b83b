"""Work that blocks, on a thread that the end of the process does not wait for."""

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

_NAME = "blocking-work"
_P = ParamSpec("_P")
_T = TypeVar("_T")


async def in_daemon_thread(work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run `work` on a thread of its own and return its result, or raise what it raised.

    Executors join their threads when Python exits: a bcrypt hash of high cost would hold up a
    stop for as long as its check takes.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def run() -> None:
        try:
            deliver(done.set_result, work(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - handed to who waits
            deliver(done.set_exception, error)

    def deliver(how: Callable[..., None], outcome: _T | Exception) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if done.done() else how(outcome))

    threading.Thread(target=run, name=_NAME, daemon=True).start()
    return await done


def exit_beside_work(code: int) -> int:
    """Return the exit code; while such work still goes on, end the process with it at once.

    A thread that comes back from a library while Python ends is made to exit, and one that comes
    back from Rust, as bcrypt is, then aborts the whole process. To be called when all is done:
    nothing is flushed and no atexit handler runs.
    """
    if any(thread.name == _NAME for thread in threading.enumerate()):
        os._exit(code)
    return code
