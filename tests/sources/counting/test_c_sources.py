"""The C sources as text and to the compiler: units with headers, no wider than Python's lines."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.sources.counting.extension import PYTHON_FLAGS, SOURCES, sources_of

ALL_SOURCES = SOURCES.parent
UNITS, HEADERS = sources_of("c"), sources_of("h")
# What the units of a folder may include besides it; those of _tally.c's own may include all.
ALLOWED = {
    "core": set[str](),
    "netlink": {"../core"},
    "walk": {"..", "../../counting/core", "../../counting/netlink"},
}
WIDTH = 100
# A function defined in a header but not inline is unused there, or lacks a prototype.
ONLY_DECLARES = ("-Wunused-function", "-Wmissing-prototypes")


def compile_c(text: str, *flags: str) -> str:
    """Return what the compiler has to say about a unit with this text."""
    run = subprocess.run(
        ["cc", "-c", "-O2", "-Wall", "-Wextra", "-Wconversion", *flags, *PYTHON_FLAGS,
         f"-I{ALL_SOURCES}", "-x", "c", "-", "-o", "/dev/null"],
        input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return run.stderr


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ALL_SOURCES)) for path in paths]


@pytest.mark.parametrize("name", names(HEADERS))
def test_headers_declare(name: str) -> None:
    """A header is self-contained, even included twice, and defines only inline functions."""
    assert compile_c(f'#include "{name}"\n' * 2, *ONLY_DECLARES) == ""


@pytest.mark.parametrize("name", names(UNITS))
def test_units_compile(name: str) -> None:
    """A unit compiles without a warning."""
    assert compile_c(f'#include "{name}"\n') == ""


@pytest.mark.parametrize("name", names(UNITS + HEADERS))
def test_lines(name: str) -> None:
    """A line has at most 100 columns."""
    lines = (ALL_SOURCES / name).read_text().splitlines()
    assert [line for line in lines if len(line.expandtabs()) > WIDTH] == []


def test_arrows() -> None:
    """The core includes only itself, a decoder what it feeds, and neither includes Python."""
    for path in UNITS + HEADERS:
        folder = path.parent.name
        included = re.findall(r'#include ["<](.*)[">]', path.read_text())
        ours = {str(Path(name).parent) for name in included if (path.parent / name).exists()}
        if folder != "counting":
            assert ours <= {"."} | ALLOWED[folder], path
            assert "Python.h" not in included, path


def test_how_long_time_wait_lasts() -> None:
    """The rules give the length: TCP_TIMEWAIT_LEN is nowhere, the longest setting in one header."""
    texts = {path.name: path.read_text() for path in UNITS + HEADERS}
    assert not [name for name, text in texts.items() if re.search(r"\b6[01](000)?\b", text)]
    found = {name for name, text in texts.items() if re.search(r"\b600000\b", text)}
    assert found == {"time_wait.h", "_tally.c"}
