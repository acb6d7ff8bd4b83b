import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.settings.strict_yaml import YamlError, parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # the examples of YAML 1.2.2, section 10.3
        ("[null, ~, Null, NULL]", [None, None, None, None]),
        ("[true, True, false, FALSE]", [True, True, False, False]),
        ("[0, -0, 3, -19, +12]", [0, 0, 3, -19, 12]),
        ("[0., -0.0, .5, +12e03, -2E+05]", [0.0, -0.0, 0.5, 12000.0, -200000.0]),
        ("[.inf, -.inf, +.inf]", [math.inf, -math.inf, math.inf]),
        # what YAML 1.1 reads as booleans, octals, sexagesimals and dates
        ("[yes, no, on, off, y, n]", ["yes", "no", "on", "off", "y", "n"]),
        ("[010, 0x1F, 0o7, 1_000, 1:30]", ["010", "0x1F", "0o7", "1_000", "1:30"]),
        ("[2020-01-02, 2020-13-45, =, <<]", ["2020-01-02", "2020-13-45", "=", "<<"]),
        ("['1', \"2\"]", ["1", "2"]),
        ("", None),
        ("# nothing\n", None),
        ("a:\n  - b: c\n  - ::1/128\n", {"a": [{"b": "c"}, "::1/128"]}),
        ("\ufeffa: 1", {"a": 1}),
    ],
)
def test_values(text: str, value: object) -> None:
    """Plain scalars have the types of the core schema of YAML 1.2, decimal numbers only."""
    assert repr(parse_yaml(text)) == repr(value)  # 1 equals True, their texts differ


def test_nan() -> None:
    """.nan is a number that is not one."""
    assert math.isnan(parse_yaml(".nan"))


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, 'duplicate key "a"'),
        ("a: {b: 1, 'b': 2}", 1, 11, 'duplicate key "b"'),
        ("x:\n  1: 2", 2, 3, "a key must be a string"),
        ("[a]: 2", 1, 1, "a key must be a string"),
        ("a: &x 1\nb: *x", 2, 4, "aliases are not supported"),
        ("a: &x [*x]", 1, 8, "aliases are not supported"),
        ("a: !!python/object/apply:os.system [ls]", 1, 4, "tags are not supported"),
        ("a: !!int foo", 1, 4, "tags are not supported"),
        ("!!str a: 1", 1, 1, "tags are not supported"),
        ('a: ["\\ud800"]', 1, 5, "half a surrogate pair is not a character"),
        ('"\\ud83d\\ude00": 1', 1, 1, "half a surrogate pair is not a character"),
        ("--- a\n--- b\n", 2, 1, "expected a single document in the stream, but found another"),
        ("a: [1,\nb: 2\n", 3, 1, "expected ',' or ']', but got '<stream end>'"),
        ("a:\n\tb", 2, 1, "found character '\\t' that cannot start any token"),
        ("a: 1\nb: \x1b[31m", 2, 4, "character U+001B is not allowed"),
        ('a: 1\nb: "\\UFFFFFFFF"', 2, 7, "number out of range"),
        (f"%YAML 1.{'9' * 5000}\n--- a", 1, 9, "number out of range"),
        ("[" * 30 + "]" * 30, 1, 21, "nested deeper than 20 levels"),
        ("[" * 100_000, 1, 21, "nested deeper than 20 levels"),
    ],
)
def test_refused(text: str, line: int, column: int, reason: str) -> None:
    """Anything outside the subset is refused with its line and column."""
    with pytest.raises(YamlError) as caught:
        parse_yaml(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value).startswith(reason)


@given(st.text(alphabet="ab01:-,.#'\"|>?!&*%@~ \n\t[]{}\x00\\", max_size=30))
def test_any_text(text: str) -> None:
    """Any text gives a value or a YamlError, and no other exception."""
    with suppress(YamlError):
        parse_yaml(text)
