"""The README's first screen: the forty lines a stranger reads."""

import re
import tomllib
import xml.etree.ElementTree as ET

from tests.support.places import DOCS, ROOT

TEXT = (ROOT / "README.md").read_text()
FIRST_SCREEN = "\n".join(TEXT.splitlines()[:40])
PICTURE = DOCS / "images" / "report.svg"


def test_the_first_screen_has_what_a_stranger_asks() -> None:
    """A question, a picture, a command to try, two of set-up, other tools, links by audience."""
    assert FIRST_SCREEN.count("**Which upstream will your proxy run out of ports to, and when?**")
    assert FIRST_SCREEN.count("](docs/images/report.svg)") == 1
    assert FIRST_SCREEN.count("tcp-pressure-exporter report") == 2
    assert re.findall(r"^make \w+", FIRST_SCREEN, re.MULTILINE) == ["make run", "make test"]
    table = re.findall(r"^\| (.+?) \|", FIRST_SCREEN, re.MULTILINE)
    assert table == ["you have", "node_exporter", "`ss`, `netstat`", "`conntrack -L`", "BPF agents"]
    audiences = re.findall(r"^- \*\*(.+?)\*\*", FIRST_SCREEN, re.MULTILINE)
    assert audiences == ["On call", "Platform", "Developers"]


def test_no_line_is_wider_than_an_editor() -> None:
    """Nobody has to scroll sideways, metrics and tables included."""
    assert max(map(len, TEXT.splitlines())) <= 120


def test_the_command_is_the_one_that_is_installed() -> None:
    """The script that pipx and uvx run is the console script of pyproject.toml."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert set(re.findall(r"(?:--spec|--from) \. (\S+)", TEXT)) == set(scripts)


def test_the_picture_is_small_and_whole() -> None:
    """It has at most 500 kB, is well-formed, and ends with a pool that is nearly full."""
    assert PICTURE.stat().st_size <= 500_000
    frames = ET.parse(PICTURE).getroot().find("{*}g")  # noqa: S314 - our own file
    assert frames is not None
    words = ["".join(frame.itertext()) for frame in frames]
    assert "tcp-pressure-exporter report --watch" in words[0]
    assert all("Closest to the limit" in frame for frame in words[1:])
    assert "CRITICAL" in words[-1]
    assert "CRITICAL" not in words[1]
