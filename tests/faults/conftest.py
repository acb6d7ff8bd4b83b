"""The shim, compiled once, and the daemon behind it, for both parsers."""

import sys
from pathlib import Path

import pytest

from tests.faults.shim import Faults, compile_shim
from tests.support.labs.exporter_process import COMMAND

READABLE = (sys.executable, "-m", "benchmarks.children.readable_daemon")
COMMANDS = {"compiled": (str(COMMAND),), "readable": READABLE}


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the library that puts faults between a process and its kernel."""
    return compile_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return where the exporter's standard error goes."""
    return tmp_path / "exporter.log"


@pytest.fixture
def faults(shim: Path, tmp_path: Path) -> Faults:
    """Let the test switch faults in the processes it starts with them."""
    return Faults(shim, tmp_path / "faults")
