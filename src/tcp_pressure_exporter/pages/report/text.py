"""The elements of the report's text: characters that an output can show, tables, and colour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from tcp_pressure_exporter.escaping import escape_controls
from tcp_pressure_exporter.verdict.words import LATER, UNKNOWN

DIM = "dim"
TITLE = "bold underline"
# By the words in verdict/words.py.
SEVERITY_STYLES: Mapping[str, str] = {
    "calm": "green",
    LATER: "green",
    "warning": "yellow",
    "critical": "bold red",
}
VERDICT_STYLES: Mapping[str, str] = {
    "calm": "bold green",
    "warning": "bold black on yellow",
    "critical": "bold white on red",
    UNKNOWN: "bold white on magenta",
}

EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
UPRIGHT = " ▁▂▃▄▅▆▇█"
ASCII_UPRIGHT = " .:-=+*#"
ASCII_ARROW = "->"


@dataclass(frozen=True, slots=True)
class Charset:
    """Unicode, or only ASCII."""

    unicode: bool

    def text(self, content: str, style: str = "") -> Text:
        """Return the content ready for printing: no markup, no control characters."""
        return Text().append(self.plain(content), style)  # a base style would apply to what follows

    def plain(self, content: str) -> str:
        r"""Return the content; what cannot be shown becomes \xNN, \uNNNN or \UNNNNNNNN."""
        shown = escape_controls(content)
        if self.unicode:
            return shown
        return shown.replace("→", ASCII_ARROW).encode("ascii", "backslashreplace").decode("ascii")

    def bar(self, ratio: float, width: int) -> str:
        """Return a bar, which is full from a ratio of 1 up."""
        if not self.unicode:
            filled = min(int(ratio * width), width)
            return "#" * filled + "." * (width - filled)
        whole, eighths = divmod(min(int(ratio * width * 8), width * 8), 8)
        return ("█" * whole + EIGHTHS[eighths]).ljust(width, "░")

    def columns(self, values: Sequence[int]) -> str:
        """Return a column for each value, the highest one full; any value but 0 is visible."""
        steps = UPRIGHT if self.unicode else ASCII_UPRIGHT
        top = max(values, default=0) or 1
        return "".join(steps[-(-value * (len(steps) - 1) // top)] for value in values)


RIGHT = frozenset({"used / limit", "TIME_WAIT", "connections", "projected"})


def plain_table(*columns: str) -> Table:
    """Return a table with these columns; those in RIGHT are aligned to the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=DIM)
    for name in columns:
        justify: JustifyMethod = "right" if name in RIGHT else "left"
        table.add_column(name, justify=justify, overflow="fold")
    return table
