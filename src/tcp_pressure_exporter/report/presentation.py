"""How looks are shown: as text, as text that renews itself in place, or as lines of JSON."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live

from tcp_pressure_exporter.report.document import document
from tcp_pressure_exporter.report.json_line import json_line
from tcp_pressure_exporter.report.observer import Observation
from tcp_pressure_exporter.report.options import ReportOptions
from tcp_pressure_exporter.report.terminal import charset_of, open_console

Show = Callable[[Observation], None]


@contextmanager
def presentation(options: ReportOptions, stream: TextIO | None) -> Iterator[Show]:
    """Give a function that shows a look. It raises OSError where the stream takes nothing."""
    if options.json:
        yield lambda seen: print(json_line(seen), file=stream, flush=True)
        return
    console, charset = open_console(stream), charset_of(stream)
    if options.watch is None or not console.is_terminal or console.is_dumb_terminal:
        yield lambda seen: print(
            _rendered(document(seen, charset, console.width), console), file=stream, flush=True
        )
        return
    # Not higher than the terminal while it renews itself; the last one is printed whole.
    with Live(
        console=console,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
        vertical_overflow="ellipsis",
    ) as live:
        yield lambda seen: live.update(document(seen, charset, console.width), refresh=True)


def _rendered(report: Group, console: Console) -> str:
    """Return the lines without the blanks that fill them up."""
    with console.capture() as capture:
        console.print(report)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
