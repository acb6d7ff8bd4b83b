"""Signals on an event loop, on every system: those that a system lacks are left out."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

Callbacks = Mapping[str, Callable[[], object]]


@contextmanager
def handled_signals(loop: asyncio.AbstractEventLoop, callbacks: Callbacks) -> Iterator[None]:
    """Call back on the loop when a signal comes; callbacks are by name, such as SIGTERM."""
    known = {
        int(getattr(signal, name)): callback
        for name, callback in callbacks.items()
        if hasattr(signal, name)
    }
    if sys.platform == "win32":
        with woken_by_signals(loop, known):
            yield
    else:
        for number, callback in known.items():
            loop.add_signal_handler(number, callback)
        yield


@contextmanager
def woken_by_signals(
    loop: asyncio.AbstractEventLoop, callbacks: Mapping[int, Callable[[], object]]
) -> Iterator[None]:
    """Do what add_signal_handler does, which Windows' loops lack.

    Python writes the number of each signal to a socket, which wakes the loop.
    """
    with ExitStack() as undo:
        ours, pythons = socket.socketpair()
        undo.enter_context(ours)
        undo.enter_context(pythons)
        ours.settimeout(0)
        pythons.settimeout(0)
        before = signal.set_wakeup_fd(pythons.fileno())
        undo.callback(signal.set_wakeup_fd, before)
        for number in callbacks:
            # There must be a Python handler, or the system's own ends the process.
            undo.callback(signal.signal, number, signal.signal(number, lambda *_: None))
        loop.add_reader(ours, _dispatch, ours, callbacks)
        undo.callback(loop.remove_reader, ours)
        yield


def _dispatch(ours: socket.socket, callbacks: Mapping[int, Callable[[], object]]) -> None:
    for number in ours.recv(4096):
        if number in callbacks:
            callbacks[number]()
