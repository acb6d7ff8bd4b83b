"""Writes SVG: elements as text, hostile characters escaped."""

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

Point = tuple[float, float]

# Greys and hues of medium lightness read well on both white and black.
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #777 }
.title { font-size: 15px; font-weight: 600 }
.grid { stroke: #888; stroke-opacity: .3 }
polyline { fill: none; stroke-width: 2 }
"""


def element(name: str, content: str = "", /, **attributes: object) -> str:
    """Return one element; `class_` stands for class, an underscore for a hyphen."""
    pairs = (
        f" {key.rstrip('_').replace('_', '-')}={quoteattr(_number(value))}"
        for key, value in attributes.items()
    )
    return f"<{name}{''.join(pairs)}>{content}</{name}>"


def text(at: Point, words: str, **attributes: object) -> str:
    """Return a line of text."""
    return element("text", escape(words), x=at[0], y=at[1], **attributes)


def line(start: Point, end: Point, **attributes: object) -> str:
    """Return a straight line."""
    return element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], **attributes)


def polyline(points: Sequence[Point], colour: str) -> str:
    """Return a line through the points."""
    path = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
    return element("polyline", points=path, stroke=colour)


def dot(at: Point, colour: str, *, hollow: bool = False) -> str:
    """Return a small circle."""
    fill = "none" if hollow else colour
    return element("circle", cx=at[0], cy=at[1], r=4, fill=fill, stroke=colour, stroke_width=2)


def document(width: float, height: float, label: str, elements: Iterable[str]) -> str:
    """Return the file; `label` is what a screen reader says."""
    body = "\n".join((element("title", escape(label)), element("style", STYLE), *elements))
    attributes: dict[str, object] = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {width:.0f} {height:.0f}",
        "width": width,
        "height": height,
        "role": "img",
    }
    return element("svg", f"\n{body}\n", **attributes) + "\n"


def _number(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
