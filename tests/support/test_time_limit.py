"""A test that hangs fails, on its own and in time; and Ctrl-C works as elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.labs.inner_pytest import run_pytest
from tests.support.places import ROOT

CONFTEST = """
import os
from tests.support.time_limit import TimeLimits

def pytest_configure(config):
    config.addinivalue_line("markers", "time_limit(seconds)")
    config.pluginmanager.register(TimeLimits(os.dup(2), again=0.2, last=LAST))
"""
HANGING = """
import subprocess, threading, time
from concurrent.futures import ThreadPoolExecutor
import pytest

pytestmark = pytest.mark.time_limit(0.3)
stop = threading.Event()

@pytest.fixture
def slow_start():
    time.sleep(60)

@pytest.fixture
def slow_end():
    yield
    time.sleep(60)

def test_process():
    with subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE) as process:
        process.stdout.read()

def test_thread():
    with ThreadPoolExecutor(1) as threads:
        threads.submit(stop.wait).result()

def test_setup(slow_start):
    pass

def test_failure_and_teardown(slow_end):
    raise ValueError("on its own")

@pytest.mark.time_limit(30)
def test_longer():
    time.sleep(0.5)
    stop.set()
"""
IN_C = """
import itertools, pytest

@pytest.mark.time_limit(0.3)
def test_endless_loop_in_c():
    sum(itertools.repeat(0))
"""
LEFT_BEHIND = """
import threading

def test_leaves_a_thread():
    threading.Thread(target=threading.Event().wait).start()
"""


def run(folder: Path, tests: str, last: int) -> tuple[int, str]:
    """Run tests under the limits; return pytest's exit code and output.

    last: after how many seconds the process is ended.
    """
    conftest = CONFTEST.replace("LAST", str(last))
    return run_pytest(folder, {"conftest.py": conftest, "test_hanging.py": tests})


def test_what_hangs_fails(tmp_path: Path) -> None:
    """Each phase that waits forever fails with all stacks, and the tests after it run."""
    code, said = run(tmp_path, HANGING, 60)
    assert code == 1
    assert "3 failed, 1 passed, 2 errors" in said
    overdue = re.findall(r"(\w+) \S*::(\w+) - Failed: not over after 0.3 s", said)
    assert sorted(overdue) == [
        ("ERROR", "test_failure_and_teardown"),
        ("ERROR", "test_setup"),
        ("FAILED", "test_process"),
        ("FAILED", "test_thread"),
    ]
    assert "Current thread 0x" in said


def test_what_no_signal_ends(tmp_path: Path) -> None:
    """A loop in C ends the process, showing its stack."""
    code, said = run(tmp_path, IN_C, 1)
    assert code == 1
    assert "in test_endless_loop_in_c" in said


def test_what_is_left_behind(tmp_path: Path) -> None:
    """A thread that never ends does not keep the run from ending, but fails it."""
    code, said = run(tmp_path, LEFT_BEHIND, 1)
    assert "1 passed" in said
    assert code == 1


def test_ctrl_c_where_it_is_ignored() -> None:
    """Even if started with SIGINT ignored, as by `nohup ... &` in a script, tests can interrupt."""
    test = "tests/daemon/report/test_watch.py::test_watch_is_json_lines"
    ignoring = f"trap '' INT; exec {sys.executable} -m pytest {test}"
    done = subprocess.run(
        ["sh", "-c", ignoring], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
