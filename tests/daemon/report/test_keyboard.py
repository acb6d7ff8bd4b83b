"""Bytes of a terminal → keys."""

import os
import pty
import termios
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.daemon.report.keyboard import keyboard, keys_of


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"", []),
        (b"q", ["q"]),
        (b"jk", ["j", "k"]),
        (b"\x1b", ["escape"]),
        (b"\x1b[A", ["up"]),
        (b"\x1bOB", ["down"]),
        (b"\x1b[5~\x1b[6~", ["page up", "page down"]),
        (b"\r\x1b[Hq", ["enter", "home", "q"]),
        (b"\x1b\x1b[B", ["escape", "down"]),
    ],
)
def test_keys(data: bytes, keys: list[str]) -> None:
    """The sequences of xterm are named keys, other bytes are characters."""
    assert keys_of(data) == keys


@given(st.binary())
def test_any_bytes(data: bytes) -> None:
    """Any input gives at most one key for each byte, and never an error."""
    assert len(keys_of(data)) <= len(data)


def test_the_terminal_is_as_before() -> None:
    """Keys come one by one and unechoed; afterwards the terminal is as it was before."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r", closefd=True) as stream:
        before = termios.tcgetattr(theirs)
        with suppress(KeyboardInterrupt), keyboard(stream, lambda _seconds: None) as wait:
            during = termios.tcgetattr(theirs)
            assert not during[3] & (termios.ICANON | termios.ECHO)
            assert during[3] & termios.ISIG  # Ctrl-C stays a signal
            os.write(ours, b"\x1b[Bq")
            assert wait(10.0) == ["down", "q"]
            assert wait(0.0) == []
            raise KeyboardInterrupt
        assert termios.tcgetattr(theirs) == before
    os.close(ours)


def test_no_terminal() -> None:
    """Without a terminal there are no keys, and time passes."""
    slept: list[float] = []
    with keyboard(None, slept.append) as wait:
        assert wait(0.25) == []
    assert slept == [0.25]
