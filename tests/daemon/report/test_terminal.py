"""Consoles of terminals, pipes and dumb terminals, and the sign that a look takes time."""

import locale
import time
from io import BytesIO, StringIO, TextIOWrapper

import pytest
from rich.console import Console

from tcp_pressure_exporter.daemon.report.terminal import charset_of, open_console, sign_of_life
from tests.pages.report.observations import ASCII, UNICODE

LONG = 3600.0


def terminal(**environment: str) -> Console:
    """Return a console that treats its output as a terminal."""
    return Console(file=StringIO(), force_terminal=True, _environ=environment)


def written(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_sign_of_life() -> None:
    """A look that outlasts the patience shows the sign, and removes it at its end."""
    console = terminal()
    with sign_of_life(console, UNICODE, patience=0.0):
        deadline = time.monotonic() + 10
        while "reading" not in written(console):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert written(console).endswith("\x1b[2K")  # the line is erased


def test_ascii_sign_of_life() -> None:
    """If only ASCII can be shown, the sign is ASCII."""
    console = terminal()
    with sign_of_life(console, ASCII, patience=0.0):
        deadline = time.monotonic() + 10
        while "reading" not in written(console):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert written(console).isascii()


def test_no_sign_of_life_sooner() -> None:
    """A look that ends before that shows nothing at all."""
    console = terminal()
    with sign_of_life(console, UNICODE, patience=LONG):
        pass
    assert written(console) == ""


@pytest.mark.parametrize(
    "console", [Console(file=StringIO()), terminal(TERM="dumb")], ids=["pipe", "dumb"]
)
def test_no_sign_of_life_where_nothing_can_be_erased(console: Console) -> None:
    """In a pipe and on a dumb terminal there is no sign, however long it takes."""
    with sign_of_life(console, UNICODE, patience=0.0):
        time.sleep(0.05)
    assert written(console) == ""


def test_the_sign_goes_where_the_look_fails() -> None:
    """An error in the look ends the sign and propagates."""
    with (
        pytest.raises(KeyboardInterrupt),
        sign_of_life(terminal(), UNICODE, patience=LONG),
    ):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("encoding", "of_the_locale", "charset"),
    [
        ("utf-8", "UTF-8", UNICODE),
        ("UTF8", "utf8", UNICODE),
        ("utf-8", "ANSI_X3.4-1968", ASCII),  # LC_ALL=C: Python writes UTF-8 all the same
        ("ascii", "UTF-8", ASCII),  # PYTHONIOENCODING
        ("iso8859-1", "ISO-8859-1", ASCII),
    ],
)
def test_charset(
    encoding: str, of_the_locale: str, charset: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unicode is shown if both the stream and the locale are UTF-8."""
    monkeypatch.setattr(locale, "getencoding", lambda: of_the_locale)
    assert charset_of(TextIOWrapper(BytesIO(), encoding=encoding)) == charset


def test_charset_of_nothing() -> None:
    """A closed standard stream takes anything."""
    assert charset_of(None) == ASCII


def test_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report is at least 60 columns wide."""
    monkeypatch.setenv("COLUMNS", "20")
    assert open_console(StringIO()).width == 60


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR overrides a terminal with colours; if empty, it does not count."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "")
    assert open_console(StringIO()).color_system is not None
    monkeypatch.setenv("NO_COLOR", "1")
    assert open_console(StringIO()).color_system is None
