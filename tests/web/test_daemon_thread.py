import asyncio
import threading

import pytest

from tcp_pressure_exporter.web.daemon_thread import in_daemon_thread


def test_result() -> None:
    """The work is done on a daemon thread, and its result comes back."""
    work = in_daemon_thread(lambda: threading.current_thread().daemon)
    assert asyncio.run(work)


def test_error() -> None:
    """What the work raises is raised to who waits."""
    with pytest.raises(ValueError, match="bad"):
        asyncio.run(in_daemon_thread(_fail))


def _fail() -> None:
    raise ValueError("bad")


def test_nobody_waits_any_more() -> None:
    """Work that ends after its caller was cancelled and the loop was closed ends in silence."""
    release = threading.Event()

    async def leave() -> None:
        waiting = asyncio.create_task(in_daemon_thread(release.wait, 10))
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(leave())
    [thread] = [thread for thread in threading.enumerate() if thread.name == "blocking-work"]
    release.set()
    thread.join(10)
    assert not thread.is_alive()
