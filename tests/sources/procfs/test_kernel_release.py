from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.sources.procfs.files import (
    UNKNOWN_RELEASE,
    parse_kernel_release,
    read_kernel_release,
)
from tests.support.fakes.fake_procfs import FakeProcfs


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("6.1.0-18-amd64", (6, 1)),
        ("5.14.0-427.13.1.el9_4.x86_64", (5, 14)),
        ("6.5.0-rc1", (6, 5)),
        ("6.18", (6, 18)),
        ("4.4-generic", (4, 4)),
        ("", UNKNOWN_RELEASE),
        ("linux", UNKNOWN_RELEASE),
        ("6", UNKNOWN_RELEASE),
        ("6.x", UNKNOWN_RELEASE),
        ("٦.1", UNKNOWN_RELEASE),
    ],
)
def test_parse(text: str, release: tuple[int, int]) -> None:
    """The first two numbers count; anything that does not begin with two is older than any."""
    assert parse_kernel_release(text) == release


def test_read(tmp_path: Path) -> None:
    """The release is a sysctl; a tree without it has no known release."""
    procfs = FakeProcfs(tmp_path)
    assert read_kernel_release(tmp_path) == UNKNOWN_RELEASE
    procfs.write("sys/kernel/osrelease", "6.1.0-18-amd64\n")
    assert read_kernel_release(tmp_path) == (6, 1)


def test_this_kernel() -> None:
    """The running kernel has a known release."""
    assert read_kernel_release(Path("/proc")) >= (4, 2)


@given(st.text(alphabet="0123456789.-x", max_size=20))
def test_any_text(text: str) -> None:
    """Any text gives two numbers that are not negative."""
    assert parse_kernel_release(text) >= UNKNOWN_RELEASE
