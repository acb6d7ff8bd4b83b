import re

import pytest

from tcp_pressure_exporter.settings.values import parse_pattern


@pytest.mark.parametrize("text", ["", "web", "web-[0-9]+|db", "(?i)web", r"\w+\.[a-z]*"])
def test_pattern(text: str) -> None:
    """A regular expression is taken as it is."""
    assert parse_pattern(text) == re.compile(text)


@pytest.mark.parametrize(
    "text",
    ["(web", ")", "*", "[a", "a**", "(?P<x>a)(?P<x>b)", "a(?i)", f"a{{{10**20}}}", "(" * 10_000],
)
def test_bad_pattern(text: str) -> None:
    """Anything but a regular expression is refused, even if crafted to break the parser."""
    with pytest.raises(ValueError, match=r"^must be a regular expression: .+$"):
        parse_pattern(text)


def test_doubtful_pattern() -> None:
    """Patterns that Python warns about, as their meaning may change, are refused too."""
    with pytest.raises(ValueError, match="Possible nested set"):
        parse_pattern("[[a]b]")
