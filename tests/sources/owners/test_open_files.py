"""Descriptors of processes, against what a process knows about itself."""

import os
import resource
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.sources.owners.open_files import open_files, parse_limit

PROC = Path("/proc")
LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max processes             7796                 7796                 processes
Max open files            1024                 524288               files
Max locked memory         8388608              8388608              bytes
"""


def test_this_process() -> None:
    """The numbers for this process are right, and follow what it opens."""
    before = open_files(PROC, os.getpid())
    assert before is not None
    assert before.limit == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    with ExitStack() as opened:
        for _ in range(10):
            opened.enter_context(Path("/dev/null").open())
        during = open_files(PROC, os.getpid())
    assert during == before._replace(open=before.open + 10)


def test_no_process(tmp_path: Path) -> None:
    """Nothing is known about a process that has gone."""
    assert open_files(tmp_path, 1) is None


def test_before_linux_6_2(tmp_path: Path) -> None:
    """If the folder's size is 0, its entries are counted."""
    folder = tmp_path / "7" / "fd"
    folder.mkdir(parents=True)
    (tmp_path / "7" / "limits").write_text(LIMITS)
    for number in range(5):
        (folder / str(number)).symlink_to("/dev/null")
    found = open_files(tmp_path, 7)
    assert found is not None
    # A folder of a disk has a size, one of /proc before Linux 6.2 has none.
    assert found.open == (folder.stat().st_size or 5)
    assert found.limit == 1024


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (LIMITS, 1024),
        (LIMITS.replace("1024  ", "unlimited"), None),
        ("", None),
        ("Max open files\n", None),
    ],
)
def test_limit(text: str, limit: int | None) -> None:
    """The soft limit is the one that counts; it may be absent."""
    assert parse_limit(text) == limit


@given(st.text())
def test_any_text(text: str) -> None:
    """Whatever stands there, it is a number or nothing."""
    found = parse_limit(text)
    assert found is None or found >= 0
