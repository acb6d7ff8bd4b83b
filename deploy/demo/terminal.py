"""What a program drew on a terminal, frame by frame, as one animated SVG."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple
from xml.sax.saxutils import escape

from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.style import Style
from rich.terminal_theme import MONOKAI
from rich.text import Text

HOME = "\x1b[H"  # the cursor to the first cell: rich draws each frame from there
CELL, LINE = 8.4, 18.0  # pixels: a character of the font below, and a line
MARGIN = 14.0
FONT = "14px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace"


class Frame(NamedTuple):
    """One picture of the terminal; seconds: how long it is shown."""

    lines: Sequence[Text]
    seconds: float


def screens(drawn: str) -> list[str]:
    """Return each screen that a program wrote, from one cursor-home to the next."""
    return [part for part in drawn.split(HOME)[1:] if part.strip()]


def lines_of(screen: str, rows: int) -> list[Text]:
    """Return the first rows of a screen, with their colours."""
    return [Text.from_ansi(line) for line in screen.splitlines()[:rows]]


def animated(frames: Sequence[Frame], columns: int, rows: int, label: str) -> str:
    """Return the SVG. Without animation the last frame is shown; `label` is read aloud."""
    width, height = columns * CELL + 2 * MARGIN, rows * LINE + 2 * MARGIN
    last = -(len(frames) - 1) * width
    drawn = "\n".join(_frame(frame, index * width) for index, frame in enumerate(frames))
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">
<title>{escape(label)}</title>
<style>
text {{ font: {FONT}; fill: {MONOKAI.foreground_color.hex}; white-space: pre }}
.bold {{ font-weight: bold }} .dim {{ opacity: .65 }}
@media (prefers-reduced-motion: no-preference) {{
  .film {{ animation: film {sum(frame.seconds for frame in frames):g}s step-end infinite }}
}}
@keyframes film {{
{_steps(frames, width)}
}}
</style>
<rect width="100%" height="100%" rx="8" fill="{MONOKAI.background_color.hex}"/>
<g class="film" transform="translate({last:g} 0)">
{drawn}
</g>
</svg>
"""


def _steps(frames: Sequence[Frame], width: float) -> str:
    begins = [0.0, *accumulate(frame.seconds for frame in frames)]
    return "\n".join(
        f"  {100 * begin / begins[-1]:.2f}% {{ transform: translate({-index * width:g}px) }}"
        for index, begin in enumerate(begins[:-1])
    )


def _frame(frame: Frame, left: float) -> str:
    lines = (
        span
        for row, line in enumerate(frame.lines)
        for span in _spans(line, left + MARGIN, MARGIN + (row + 0.75) * LINE)
    )
    return "<g>\n" + "\n".join(lines) + "\n</g>"


def _spans(line: Text, left: float, y: float) -> Iterator[str]:
    """Yield what draws each run of one style, in its column whatever the font."""
    start = 0
    for run in line.divide(sorted({edge for span in line.spans for edge in span[:2]})):
        style = Style.combine([Style(), *(Style.parse(str(span.style)) for span in run.spans)])
        if run.plain.strip():
            yield from _run(run.plain, style, left + start * CELL, y)
        start += len(run)


def _run(words: str, style: Style, x: float, y: float) -> Iterator[str]:
    width = f"{len(words) * CELL:.1f}"
    ink, paper = _colour(style.color), _colour(style.bgcolor, foreground=False)
    if style.reverse:
        ink, paper = paper, ink
    if paper != MONOKAI.background_color:
        place = f'x="{x:.1f}" y="{y - 0.75 * LINE:g}" width="{width}" height="{LINE:g}"'
        yield f'<rect {place} fill="{paper.hex}"/>'
    classes = " ".join(name for name, on in (("bold", style.bold), ("dim", style.dim)) if on)
    look = f' class="{classes}"' if classes else ""
    if ink != MONOKAI.foreground_color:
        look += f' style="fill:{ink.hex}"'
    yield f'<text x="{x:.1f}" y="{y:g}" textLength="{width}"{look}>{escape(words)}</text>'


def _colour(colour: Color | None, *, foreground: bool = True) -> ColorTriplet:
    return (colour or Color.default()).get_truecolor(MONOKAI, foreground)
