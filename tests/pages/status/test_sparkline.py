"""The line of the last hour."""

import re
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.pages.status.rows import HEIGHT, WIDTH, sparkline
from tcp_pressure_exporter.verdict.past.history import POINTS, Line

COMMAND = re.compile(r"M(\d+) (\d+)h1|l1( \d+|-\d+)|h1")


def path(line: Sequence[float | None], top: float = 1.0) -> str:
    found = sparkline(list(line), top, str)
    assert found is not None
    return found.path


def test_no_past() -> None:
    """Without a value there is no line."""
    assert sparkline([], 1.0, str) is None
    assert sparkline([None, None], 1.0, str) is None


def test_level() -> None:
    """A level hour is one stroke from edge to edge."""
    assert path([0.5] * POINTS) == "M0 10h1" + "h1" * 59


def test_it_ends_now() -> None:
    """A short past is at the right edge; of four values the highest is drawn."""
    assert path([0.0, 0.25, 1.0, 0.5]) == "M59 0h1"
    assert path([0.0] * 4 + [0.5, 0.0, 0.0, 0.0]) == "M58 20h1l1-10"


def test_gap() -> None:
    """The pen is lifted where nothing is known."""
    assert path([0.5] * 4 + [None] * 4 + [0.25] * 4) == "M57 10h1M59 15h1"


def test_words() -> None:
    """For people who cannot see the line, words give its beginning, its end and its peak."""
    found = sparkline([1.0, 3.0, None, 2.0], 3.0, lambda value: f"{value:g} sockets")
    assert found is not None
    assert found.words == "last hour: from 1 sockets to 2 sockets, peak 3 sockets"


@given(
    line=st.lists(st.none() | st.floats(0, 1e9, width=32), max_size=POINTS),
    top=st.sampled_from([0.0, 1.0, 1e6]),
)
def test_any_line(line: Line, top: float) -> None:
    """Every path consists of valid SVG commands inside the view box."""
    found = sparkline(list(line), top, str)
    if found is None:
        assert not any(value is not None for value in line)
        return
    assert COMMAND.sub("", found.path) == ""
    x = y = 0
    for command in COMMAND.finditer(found.path):
        if command[1]:
            x, y = int(command[1]), int(command[2])
        x, y = x + 1, y + int(command[3] or 0)
        assert 0 < x <= WIDTH
        assert 0 <= y <= HEIGHT
    assert x == WIDTH or line[-1] is None
