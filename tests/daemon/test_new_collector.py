"""A new source and its collector are one file in each room, and one row in the table."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT

SOURCE = '''"""A source that asks nobody."""


class Dummy:
    """Counts how often it is asked."""

    asked = 0

    def ask(self) -> int:
        """Return how often this was asked."""
        self.asked += 1
        return self.asked
'''
KEY = '''"""What the dummy tells."""

from tcp_pressure_exporter.sample.sample import Key

DUMMY: Key[int] = Key("dummy")
'''
PART = '''"""How often the dummy is asked."""

from tcp_pressure_exporter.sampling.parts.part import Asked, Kit
from tcp_pressure_exporter.sources.dummy import Dummy


def dummy_part(_kit: Kit) -> Asked[int]:
    """Return the part."""
    source = Dummy()
    return Asked(lambda _reading: source.ask())
'''
FAMILIES = '''"""The dummy's metric."""

from tcp_pressure_exporter.collectors.family import Family, value_of
from tcp_pressure_exporter.sample.dummy import DUMMY

FAMILIES = (Family("tcp_pressure_dummy", "Questions.", ("netns",), value_of(DUMMY, float)),)
'''
FILES = {
    "sources/dummy.py": SOURCE,
    "sample/dummy.py": KEY,
    "sampling/parts/dummy.py": PART,
    "collectors/dummy.py": FAMILIES,
}
TABLE = "daemon/collectors.py"
IMPORTS = """from tcp_pressure_exporter.collectors import dummy
from tcp_pressure_exporter.sample.dummy import DUMMY
from tcp_pressure_exporter.sampling.parts.dummy import dummy_part
"""
ROW = '    Collector(DUMMY, "a dummy", dummy_part, dummy.FAMILIES),\n'
FIRST_IMPORT = "from tcp_pressure_exporter.collectors import ("
FIRST_ROW = "ROWS = (\n"
MOST_LINES = 40  # of code, in all files together


@pytest.fixture
def extended(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a package with an additional collector."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    package = tmp_path / "src" / "tcp_pressure_exporter"
    for name, text in FILES.items():
        (package / name).write_text(text)
    table = (package / TABLE).read_text()
    assert FIRST_IMPORT in table
    assert FIRST_ROW in table
    table = table.replace(FIRST_IMPORT, IMPORTS + FIRST_IMPORT)
    (package / TABLE).write_text(table.replace(FIRST_ROW, FIRST_ROW + ROW))
    return {**os.environ, "PYTHONPATH": str(tmp_path / "src")}


def run(environment: dict[str, str], *flags: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tcp_pressure_exporter", *flags],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_it_is_short() -> None:
    """The whole addition has at most 40 lines of code."""
    texts = [*FILES.values(), IMPORTS, ROW]
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    assert len(lines) <= MOST_LINES


def test_it_is_exported(extended: dict[str, str]) -> None:
    """Its metric, its success and its line of --help are there, with nothing else changed."""
    page = run(extended, "--once", "--no-collector.findings")
    assert 'tcp_pressure_dummy{netns="host"} 1.0' in page
    assert 'tcp_pressure_collector_success{collector="dummy",netns="host"} 1.0' in page
    assert "\n  dummy          a dummy\n" in run(extended, "--help")


def test_it_is_switched_off(extended: dict[str, str]) -> None:
    """The flag with its name switches it off."""
    assert "dummy" not in run(extended, "--once", "--no-collector.dummy")


def test_the_rooms_stay_in_order(extended: dict[str, str]) -> None:
    """The rules of the rooms hold with it too."""
    source = Path(extended["PYTHONPATH"]) / "tcp_pressure_exporter"
    code = (
        "import sys, pathlib, pytest; import tests.test_rooms as rooms;"
        f"rooms.SOURCE = pathlib.Path({str(source)!r});"
        "rooms.test_every_room_has_a_rule();"
        "[rooms.test_arrows(room) for room in rooms.ALLOWED];"
        "rooms.test_no_circle_of_modules(); rooms.test_no_circle_of_folders();"
        "rooms.test_the_root_is_short();"
        "[rooms.test_folder_says_what_it_is_for(folder) for folder in rooms.folders()]"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=extended, check=True)
