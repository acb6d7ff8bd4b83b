import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.escaping import escape_controls, quoted


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain text, ümläut, 中文", "plain text, ümläut, 中文"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[31mred\x1b[0m\x7f\x00", r"\x1b[31mred\x1b[0m\x7f\x00"),
        ("\x9b31m\x85", r"\x9b31m\x85"),  # the C1 controls: CSI and next line
        ("\u2028\u2029\u202e", r"\u2028\u2029\u202e"),  # separators, right-to-left override
        ("\U000e0041", r"\U000e0041"),
        ("\udcff", r"\udcff"),  # a byte of argv that is not UTF-8
        ("C:\\x", "C:\\x"),
    ],
)
def test_escape_controls(text: str, escaped: str) -> None:
    """What is printable stays; anything else becomes an escape as Python writes it."""
    assert escape_controls(text) == escaped


@given(st.text())
def test_any_text_prints_on_one_line(text: str) -> None:
    """The result is printable whatever the text is, and escaping it again changes nothing."""
    escaped = escape_controls(text)
    assert escaped.isprintable()
    assert escape_controls(escaped) == escaped


def test_quoted() -> None:
    """A value is put in double quotes, escaped, and cut after 60 characters."""
    assert quoted("a\nb") == r'"a\nb"'
    assert quoted("x" * 60) == f'"{"x" * 60}"'
    assert quoted("x" * 61) == f'"{"x" * 60}..."'
