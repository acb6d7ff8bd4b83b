"""Documents that lead to the code mention only files that exist."""

import re
from pathlib import Path

import pytest

from tests.support.places import DOCS, ROOT

PACKAGE = ROOT / "src" / "tcp_pressure_exporter"
FOLDER, FILE = r"(?:[\w.-]+/)", r"[\w-]+\.(?:py|c|h|md|yml|txt|jsonl?)"
PATH = re.compile(rf"`({FOLDER}+(?:{FILE})?|{FILE})`")
PLACES = (
    *(ROOT, ROOT / "tests" / "faults"),
    *(PACKAGE, PACKAGE / "sources", PACKAGE / "sources" / "bpf"),
    *(PACKAGE / "sources" / "bpf" / "programs", PACKAGE / "sources" / "counting"),
)
PLACEHOLDER = re.compile(r"\bNAME\b|^(?:\.venv|\.tools|dist)/")  # what a reader fills in, or makes


@pytest.mark.parametrize(
    "path", [DOCS / "architecture.md", DOCS / "reliability.md", ROOT / "CONTRIBUTING.md"]
)
def test_each_file_exists(path: Path) -> None:
    """Names in code are paths from the root, the package or a room; a bare name is in some room."""
    named = [name for name in PATH.findall(path.read_text()) if not PLACEHOLDER.search(name)]
    assert len(named) > 15
    bare = {file.name for file in PACKAGE.rglob("*.*")}
    missing = {name for name in named if not any((place / name).exists() for place in PLACES)}
    assert missing - bare == set()


def test_each_room_is_told() -> None:
    """The table of rooms has exactly the folders of the package."""
    table = (DOCS / "architecture.md").read_text().split("\n| room ")[1].split("\n\n")[0]
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert set(re.findall(r"^\| `(\w+)/`", table, re.MULTILINE)) == rooms
