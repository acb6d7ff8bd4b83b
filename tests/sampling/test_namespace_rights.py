"""What it takes to sample other network namespaces, and what is said if it is missing."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tcp_pressure_exporter.sampling.host import NETNS, open_host
from tcp_pressure_exporter.sources.counting.parser import readable_parser
from tests.support.sampled import wishes

ADMIN, PTRACE = 1 << 21, 1 << 19  # include/uapi/linux/capability.h


def procfs(folder: Path, capabilities: int) -> Path:
    """Make a /proc of a process with some capabilities."""
    (folder / "self").mkdir()
    (folder / "self" / "status").write_text(f"Name:\tx\nCapEff:\t{capabilities:016x}\n")
    return folder


def left_out(root: Path, *collectors: str) -> Mapping[str, str]:
    wanted = wishes(*collectors, others=NETNS in collectors)
    return open_host(wanted, root, readable_parser(), sys.platform).left_out


def test_with_its_rights(tmp_path: Path) -> None:
    """If other namespaces can be entered, they are not left out."""
    root = procfs(tmp_path, ADMIN | PTRACE)
    (root / "thread-self").symlink_to("/proc/thread-self")
    assert left_out(root, "pools", NETNS) == {}


@pytest.mark.parametrize(
    ("capabilities", "missing"),
    [
        (0, "CAP_SYS_ADMIN and CAP_SYS_PTRACE"),
        (ADMIN, "CAP_SYS_PTRACE"),
        (PTRACE, "CAP_SYS_ADMIN"),
    ],
)
def test_without_its_rights(tmp_path: Path, capabilities: int, missing: str) -> None:
    """Without a capability they are left out if wanted, and the reason names it."""
    root = procfs(tmp_path, capabilities)
    assert left_out(root, "pools", NETNS) == {NETNS: f"needs {missing}"}
    assert left_out(root, "pools") == {}


def test_without_a_way_back(tmp_path: Path) -> None:
    """If the exporter's own namespace cannot be opened, they are left out too."""
    root = procfs(tmp_path, ADMIN | PTRACE)
    assert left_out(root, NETNS) == {NETNS: "No such file or directory"}


def test_without_procfs(tmp_path: Path) -> None:
    """Anything not known to be permitted is not tried."""
    assert list(left_out(tmp_path, NETNS)) == [NETNS]
