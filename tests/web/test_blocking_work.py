import asyncio
import subprocess
import sys
import threading

import pytest

from tcp_pressure_exporter.web.protection.basic_auth import in_daemon_thread


def test_result() -> None:
    """The work is done on a daemon thread, and its result comes back."""
    work = in_daemon_thread(lambda: threading.current_thread().daemon)
    assert asyncio.run(work)


def test_error() -> None:
    """What the work raises reaches its caller."""
    with pytest.raises(ValueError, match="bad"):
        asyncio.run(in_daemon_thread(_fail))


def _fail() -> None:
    raise ValueError("bad")


def test_nobody_waits_any_more() -> None:
    """Work that ends after its caller was cancelled and the loop closed ends silently."""
    release = threading.Event()
    others = set(threading.enumerate())  # threads left by another test may still be running

    async def leave() -> None:
        waiting = asyncio.create_task(in_daemon_thread(release.wait, 10))
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(leave())
    [thread] = set(threading.enumerate()) - others
    assert thread.name == "blocking-work"
    release.set()
    thread.join(10)
    assert not thread.is_alive()


PROGRAM = """
import asyncio, atexit, sys, threading, time
from tcp_pressure_exporter.web.protection.basic_auth import exit_beside_work, in_daemon_thread

async def begin(seconds):
    asyncio.create_task(in_daemon_thread(time.sleep, seconds))
    await asyncio.sleep(0)

atexit.register(print, "Python ends", end="")
asyncio.run(begin(float(sys.argv[1])))
for thread in threading.enumerate()[1:]:
    thread.join(float(sys.argv[2]))
sys.exit(exit_beside_work(3))
"""


@pytest.mark.parametrize(
    ("seconds", "waited", "said"), [("60", "0", ""), ("0", "30", "Python ends")]
)
def test_exit_beside_work(seconds: str, waited: str, said: str) -> None:
    """The process ends with its exit code; while work is under way, without Python's shutdown."""
    command = [sys.executable, "-c", PROGRAM, seconds, waited]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, said, "")
