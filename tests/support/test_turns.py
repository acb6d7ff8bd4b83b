"""Tests run side by side, except those that run alone."""

from pathlib import Path

from tests.support.labs.inner_pytest import run_pytest

CONFTEST = """
import pathlib
from tests.support.turns import Turns

def pytest_configure(config):
    config.addinivalue_line("markers", "time_limit(seconds)")
    config.addinivalue_line("markers", "alone")
    if hasattr(config, "workerinput"):
        here = pathlib.Path(__file__)
        config.pluginmanager.register(Turns(here, here.parent))
"""
# Each test notes when it began and ended.
COMMON = """
import time, pathlib, pytest
folder = pathlib.Path(__file__).parent

def note(name, seconds=0.1):
    began = time.monotonic()
    (folder / name).touch()
    time.sleep(seconds)
    with (folder / "notes").open("a") as notes:
        notes.write(f"{name} {began} {time.monotonic()}\\n")

def wait_for(name):
    while not (folder / name).exists():
        time.sleep(0.01)
"""
ALONE = """
pytestmark = pytest.mark.alone

def test_first():
    note("alone-1")

def test_second():
    note("alone-2")
"""
BRIEF = """
def test_first():
    note("brief-1")
    wait_for("long-1")

def test_second():
    note("brief-2")
"""
LONG = """
pytestmark = pytest.mark.time_limit(300)

def test_first():
    note("long-1")
    wait_for("brief-1")

def test_second():
    note("long-2")

def test_third():
    note("long-3", 1.0)
"""
TESTS = {"test_alone.py": ALONE, "test_brief.py": BRIEF, "test_long.py": LONG}
XDIST = ("-p", "xdist", "--dist=loadfile", "--no-loadscope-reorder")

Spans = dict[str, tuple[float, float]]


def run(folder: Path, tests: dict[str, str], workers: int) -> Spans:
    """Run tests; return when each began and ended, in the order they began."""
    files = {name: COMMON + text for name, text in tests.items()}
    code, said = run_pytest(folder, {"conftest.py": CONFTEST, **files}, *XDIST, f"-n{workers}")
    assert code == 0, said
    lines = [line.split() for line in (folder / "notes").read_text().splitlines()]
    spans = [(name, (float(began), float(ended))) for name, began, ended in lines]
    return dict(sorted(spans, key=lambda named: named[1]))


def test_side_by_side(tmp_path: Path) -> None:
    """Two files run at a time, except for the one that runs alone: it waits for the longest."""
    spans = run(tmp_path, TESTS, workers=2)
    assert list(spans)[-3:] == ["long-3", "alone-1", "alone-2"]
    assert spans["long-3"][1] <= spans["alone-1"][0]


def test_order(tmp_path: Path) -> None:
    """What may take longest begins first; what runs alone comes last."""
    tests = {name: text.replace("wait_for(", "str(") for name, text in TESTS.items()}
    assert [name[:-2] for name in run(tmp_path, tests, workers=1)] == [
        *("long", "long", "long"),
        *("brief", "brief"),
        *("alone", "alone"),
    ]
