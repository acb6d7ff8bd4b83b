"""Text and bars in characters that an output can show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pages.report.observations import ASCII, UNICODE


@pytest.mark.parametrize(
    ("ratio", "bar", "ascii_bar"),
    [
        (0.0, "░░░░░░░░", "........"),
        (0.001, "░░░░░░░░", "........"),
        (1 / 64, "▏░░░░░░░", "........"),
        (0.5, "████░░░░", "####...."),
        (0.55, "████▍░░░", "####...."),
        (0.999, "███████▉", "#######."),
        (1.0, "████████", "########"),
        (1.5, "████████", "########"),
    ],
)
def test_bar(ratio: float, bar: str, ascii_bar: str) -> None:
    """A bar is full if the resource is, and not before."""
    assert UNICODE.bar(ratio, 8) == bar
    assert ASCII.bar(ratio, 8) == ascii_bar


@given(st.floats(min_value=0, max_value=10), st.integers(min_value=1, max_value=30))
def test_bars_are_as_wide_as_asked(ratio: float, width: int) -> None:
    """Every bar has the same width."""
    assert len(UNICODE.bar(ratio, width)) == len(ASCII.bar(ratio, width)) == width


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_can_be_printed(text: str) -> None:
    """The output prints on one line, in ASCII if nothing else can be shown."""
    assert UNICODE.plain(text).isprintable()
    assert ASCII.plain(text).isprintable()
    assert ASCII.plain(text).isascii()
    assert UNICODE.text(text).plain == UNICODE.plain(text)
