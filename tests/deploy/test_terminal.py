"""The picture made from what a program draws on a terminal."""

import xml.etree.ElementTree as ET

from deploy.demo.terminal import HOME, Frame, animated, lines_of, screens

RED, PLAIN, REVERSE = "\x1b[31m", "\x1b[0m", "\x1b[7m"
SVG = "{http://www.w3.org/2000/svg}"


def drawn(*screens_of_one_line: str) -> ET.Element:
    frames = [Frame(lines_of(screen, rows=1), 1.0) for screen in screens_of_one_line]
    return ET.fromstring(animated(frames, columns=10, rows=1, label="a & b"))  # noqa: S314 - ours


def test_a_screen_begins_where_the_cursor_goes_home() -> None:
    """Output before the first screen, and empty screens, are not frames."""
    assert screens(f"before{HOME}one{HOME}\n{HOME}two") == ["one", "two"]


def test_text_is_text() -> None:
    """Markup characters are escaped, columns keep their places, and colours appear."""
    picture = drawn(f"<x> {RED}& red{PLAIN}")
    plain, red = picture.iter(f"{SVG}text")
    assert (plain.text, red.text) == ("<x> ", "& red")
    assert float(red.attrib["x"]) - float(plain.attrib["x"]) == 4 * 8.4  # four cells on
    assert "fill" in red.attrib["style"]
    assert "style" not in plain.attrib
    title = picture.find(f"{SVG}title")
    assert title is not None
    assert title.text == "a & b"


def test_reverse_has_a_ground() -> None:
    """Reversed text has its own rectangle, besides the whole picture's."""
    assert len([*drawn("plain").iter(f"{SVG}rect")]) == 1
    assert len([*drawn(f"{REVERSE}keys{PLAIN}").iter(f"{SVG}rect")]) == 2


def test_frames_stand_side_by_side() -> None:
    """Each frame has its place on the film; without animation the last one is shown."""
    picture = drawn("first", "second")
    first, second = (float(text.attrib["x"]) for text in picture.iter(f"{SVG}text"))
    width = float(picture.attrib["viewBox"].split()[2])
    assert second - first == width
    film = picture.find(f"{SVG}g")
    assert film is not None
    assert film.attrib["transform"] == f"translate({-width:g} 0)"
