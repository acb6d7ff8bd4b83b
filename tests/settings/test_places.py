"""Where a key is in a file: the line that an error names."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.settings.config import load_config
from tcp_pressure_exporter.settings.reading import ConfigError
from tcp_pressure_exporter.settings.strict_yaml import line_of

TEXT = """\
# our pools
pools:
  top: 3

groups:
  - name: lb
    cidrs: [10.0.0.5/32]
  - name: db
    cidrs:
      - 10.1.0.0/16
      - 10.2.0.0/16
users:
  a.b: x
  a: {b: y}
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("pools", 2),
        ("pools.top", 3),
        ("groups[0].cidrs[0]", 7),
        ("groups[1]", 8),
        ("groups[1].cidrs[1]", 11),
        ("groups[1].ports", 8),  # it is missing: the entry that should have it
        ("users.a.b", 13),
        ("users.a", 14),
        ("pools.top.further", 3),
        ("groups[2].name", 5),
        ("pool", None),
        ("top level", None),
        ("line 3, column 4", None),
    ],
)
def test_lines(key: str, line: int | None) -> None:
    """A key is found on its line, an entry of a list where it begins."""
    assert line_of(TEXT, key) == line


def test_no_yaml() -> None:
    """A text that is not YAML has no keys."""
    assert line_of("a: [", "a") is None


NAMES = st.text("abc", min_size=1, max_size=3)


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, st.integers(), min_size=1), min_size=1))
def test_any_mapping(document: dict[str, dict[str, int]]) -> None:
    """Each key is found where PyYAML wrote it."""
    text = yaml.safe_dump(document)
    lines = text.splitlines()
    for outer, inner in document.items():
        for name, value in inner.items():
            line = line_of(text, f"{outer}.{name}")
            assert line is not None
            assert lines[line - 1] == f"  {name}: {value}"


@given(st.text(), st.text())
def test_any_text(text: str, key: str) -> None:
    """For any text and key, the result is a line of the text or none."""
    assert (line_of(text, key) or 1) in range(1, len(text) + 2)


def test_error_names_the_file(tmp_path: Path) -> None:
    """An error begins with the file and the line."""
    path = tmp_path / "x.yml"
    path.write_text("groups:\n  - name: lb\n    cidrs: [10.0.0.1/24]\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value) == (
        f"{path}: line 3: groups[0].cidrs[0]: has bits set beyond its prefix,"
        ' did you mean 10.0.0.0/24? (got "10.0.0.1/24")'
    )
