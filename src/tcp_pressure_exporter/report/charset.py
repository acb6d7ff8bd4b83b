"""Characters that an output can show, and text from outside made of nothing but them."""

from dataclasses import dataclass

from rich.text import Text

from tcp_pressure_exporter.escaping import escape_controls

EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
ASCII_ARROW = "->"


@dataclass(frozen=True, slots=True)
class Charset:
    """Unicode, or ASCII alone."""

    unicode: bool

    def text(self, content: str, style: str = "") -> Text:
        """Return the content as it is to be printed: no markup, no control characters."""
        return Text().append(
            self.plain(content), style
        )  # a base style would spread to what follows

    def plain(self, content: str) -> str:
        r"""Return the content with what cannot be shown written as \xNN, \uNNNN or \UNNNNNNNN."""
        shown = escape_controls(content)
        if self.unicode:
            return shown
        return shown.replace("→", ASCII_ARROW).encode("ascii", "backslashreplace").decode("ascii")

    def bar(self, ratio: float, width: int) -> str:
        """Return a bar, full from a ratio of 1 on."""
        if not self.unicode:
            filled = min(int(ratio * width), width)
            return "#" * filled + "." * (width - filled)
        whole, eighths = divmod(min(int(ratio * width * 8), width * 8), 8)
        return ("█" * whole + EIGHTHS[eighths]).ljust(width, "░")
