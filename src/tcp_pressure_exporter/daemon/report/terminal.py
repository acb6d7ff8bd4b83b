"""The terminal, pipe or file that the report goes to, and how looks are shown there."""

import locale
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, Group
from rich.status import Status

from tcp_pressure_exporter.pages.json_documents.report import report_json
from tcp_pressure_exporter.pages.report.plugin import plugin_line
from tcp_pressure_exporter.pages.report.report import report
from tcp_pressure_exporter.pages.report.text import Charset
from tcp_pressure_exporter.pages.snapshot import Observation
from tcp_pressure_exporter.settings.options import ReportOptions

MIN_WIDTH = 60  # columns: less is not enough for the figures
PATIENCE = 1.0  # seconds without a sign of life


def open_console(stream: TextIO | None) -> Console:
    """Return the console of a stream, in colour if it is a terminal and NO_COLOR does not object.

    NO_COLOR: https://no-color.org. By default rich would keep bold and underline.
    """
    plain = bool(os.environ.get("NO_COLOR"))
    console = Console(
        file=stream,
        color_system=None if plain else "auto",
        markup=False,
        highlight=False,
        emoji=False,
    )
    if console.width < MIN_WIDTH:  # noqa: PLR1730 - a set width does not follow the terminal
        console.width = MIN_WIDTH  # the terminal breaks the lines, but nothing is lost
    return console


def charset_of(stream: TextIO | None) -> Charset:
    """Return the characters that may be written to a stream.

    If LC_ALL=C asks for ASCII, Python writes UTF-8 all the same (PEP 540), so the locale is checked
    as well.
    """
    encodings = (getattr(stream, "encoding", None) or "", locale.getencoding())
    return Charset(unicode=all(_is_utf8(name) for name in encodings))


def _is_utf8(encoding: str) -> bool:
    return encoding.lower().replace("-", "") == "utf8"


@contextmanager
def sign_of_life(console: Console, charset: Charset, patience: float = PATIENCE) -> Iterator[None]:
    """Show that work is under way if it takes longer than `patience` seconds, on a terminal."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield
        return
    spinner = "dots" if charset.unicode else "line"
    status = Status("reading the kernel's socket tables", console=console, spinner=spinner)
    timer = threading.Timer(patience, status.start)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # it may be just starting the sign
        status.stop()


Show = Callable[[Observation], None]


def is_screen(console: Console, options: ReportOptions) -> bool:
    """Tell whether the report is to be watched on a terminal that can be redrawn."""
    text = options.watch is not None and not options.json
    return text and console.is_terminal and not console.is_dumb_terminal


@contextmanager
def presentation(options: ReportOptions, stream: TextIO | None) -> Iterator[Show]:
    """Give a function that shows a look. It raises OSError if the stream takes nothing."""
    if options.json:
        yield lambda seen: print(report_json(seen), file=stream, flush=True)
        return
    if options.nagios:
        yield lambda seen: print(plugin_line(seen), file=stream, flush=True)
        return
    console, charset = open_console(stream), charset_of(stream)
    yield lambda seen: print(
        rendered(report(seen, charset, console.width), console), file=stream, flush=True
    )


def rendered(shown: Group, console: Console) -> str:
    """Return the lines without trailing blanks."""
    with console.capture() as capture:
        console.print(shown)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
