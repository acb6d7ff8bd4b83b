"""Keys pressed on a terminal, one by one and without echo."""

import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

if sys.platform != "win32":
    import termios
    import tty

# What xterm and similar terminals send (ctlseqs, "PC-Style Function Keys"); O for [ in application
# mode.
SEQUENCES = {
    b"\x1b[A": "up",
    b"\x1bOA": "up",
    b"\x1b[B": "down",
    b"\x1bOB": "down",
    b"\x1b[C": "right",
    b"\x1bOC": "right",
    b"\x1b[D": "left",
    b"\x1bOD": "left",
    b"\x1b[5~": "page up",
    b"\x1b[6~": "page down",
    b"\x1b[H": "home",
    b"\x1bOH": "home",
    b"\x1b[1~": "home",
    b"\x1b[F": "end",
    b"\x1bOF": "end",
    b"\x1b[4~": "end",
    b"\x1b": "escape",
    b"\r": "enter",
    b"\n": "enter",
    b"\x7f": "backspace",
    b"\x08": "backspace",
}
LONGEST = max(map(len, SEQUENCES))
MOST_BYTES = 1024  # at a time: pasted text is not keys

Wait = Callable[[float], list[str]]  # waits up to that many seconds for keys


def keys_of(data: bytes) -> list[str]:
    """Return the keys that sent these bytes: names from SEQUENCES, or single characters."""
    keys = []
    while data:
        size = next((n for n in range(LONGEST, 0, -1) if data[:n] in SEQUENCES), 1)
        keys.append(SEQUENCES.get(data[:size], data[:size].decode("ascii", "replace")))
        data = data[size:]
    return keys


@contextmanager
def keyboard(stream: TextIO | None, pause: Callable[[float], None]) -> Iterator[Wait]:
    """Give a function that waits for keys; if the stream is not a terminal, it only pauses.

    Ctrl-C stays a signal. At the end, the terminal is as it was before.
    """
    if sys.platform == "win32" or stream is None or not stream.isatty():
        yield lambda seconds: _paused(seconds, pause)
        return
    descriptor = stream.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor, termios.TCSADRAIN)
        yield lambda seconds: _wait(descriptor, seconds, pause)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _paused(seconds: float, pause: Callable[[float], None]) -> list[str]:
    pause(seconds)
    return []


def _wait(descriptor: int, seconds: float, pause: Callable[[float], None]) -> list[str]:
    ready, _, _ = select.select([descriptor], [], [], seconds)
    if not ready:
        return []
    data = os.read(descriptor, MOST_BYTES)
    if not data:  # the terminal is gone, and reads return immediately
        pause(seconds)
    return keys_of(data)
