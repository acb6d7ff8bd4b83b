"""Signals on an event loop, including the way for Windows, which works on any system."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from tcp_pressure_exporter.daemon.signals import handled_signals, woken_by_signals

PATIENCE_SECONDS = 10


async def wait_for(event: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await event.wait()


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGUSR2"])
def test_handled(name: str) -> None:
    """A signal calls back on the loop; one that the system does not have is left out."""

    async def handle() -> None:
        came, other = asyncio.Event(), asyncio.Event()
        callbacks = {name: came.set, "SIGUSR1" if name == "SIGUSR2" else "SIGUSR2": other.set}
        with handled_signals(asyncio.get_running_loop(), callbacks | {"SIGBREAK": other.set}):
            os.kill(os.getpid(), getattr(signal, name))
            await wait_for(came)
        assert not other.is_set()

    asyncio.run(handle())


def test_woken() -> None:
    """The way for Windows: a signal wakes a waiting loop, and all is restored at the end."""

    async def handle() -> None:
        loop = asyncio.get_running_loop()
        came = asyncio.Event()
        with woken_by_signals(loop, {signal.SIGUSR1: came.set}):
            loop.call_later(0.05, os.kill, os.getpid(), signal.SIGUSR1)
            await wait_for(came)

    before = signal.getsignal(signal.SIGUSR1)
    asyncio.run(handle())
    assert signal.getsignal(signal.SIGUSR1) == before
    assert signal.set_wakeup_fd(-1) == -1


def test_woken_by_another_signal() -> None:
    """A signal without a callback calls nothing back."""

    async def handle() -> None:
        loop = asyncio.get_running_loop()
        came, other = asyncio.Event(), asyncio.Event()
        with woken_by_signals(loop, {signal.SIGUSR1: came.set}):
            before = signal.signal(signal.SIGUSR2, lambda *_: other.set())
            os.kill(os.getpid(), signal.SIGUSR2)
            await wait_for(other)
            os.kill(os.getpid(), signal.SIGUSR1)
            await wait_for(came)
            signal.signal(signal.SIGUSR2, before)

    asyncio.run(handle())


# The moment at which the exporter is still being imported.
INTERRUPTED_START = """
import os, signal, sys
class Interrupt:
    def find_spec(self, name, path, target=None):
        if name == "tcp_pressure_exporter.daemon":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
from tcp_pressure_exporter.__main__ import main
raise SystemExit(main())
"""


@pytest.mark.parametrize("arguments", [[], ["report"]])
def test_ctrl_c_at_the_start(arguments: list[str]) -> None:
    """Ctrl-C before anything runs ends it as it ends any program: without a traceback."""
    command = [sys.executable, "-c", INTERRUPTED_START, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
