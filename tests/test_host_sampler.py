"""What this process has the rights for, and what it does without."""

import errno
from pathlib import Path

from tcp_pressure_exporter.host_sampler import (
    NEEDED_CAPABILITIES,
    build_sampler,
    why_no_canary,
    why_no_process_names,
)
from tcp_pressure_exporter.kernel.parser import readable_parser
from tests.fake_tcp_socket import FakeKernel

NAMING = 1 << 19 | 1 << 2  # CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH: include/uapi/linux/capability.h


def procfs(folder: Path, capabilities: int) -> Path:
    """Make a /proc of a process with some capabilities."""
    (folder / "self").mkdir()
    (folder / "self" / "status").write_text(f"Name:\tx\nCapEff:\t{capabilities:016x}\n")
    return folder


def test_canary_with_its_rights() -> None:
    """Where the canary can be kept silent it is there."""
    assert why_no_canary(FakeKernel().canary) is None


def test_canary_without_its_rights() -> None:
    """Where it lacks a capability, the reason names it."""
    kernel = FakeKernel()
    kernel.refused = {(6, 19): errno.EPERM, (6, 30): errno.EOPNOTSUPP}  # repair, fast open
    assert "CAP_NET_ADMIN" in (why_no_canary(kernel.canary) or "")


def test_process_names_with_their_rights(tmp_path: Path) -> None:
    """Who may read the descriptors of all processes can name them."""
    assert why_no_process_names(procfs(tmp_path, NAMING)) is None


def test_process_names_without_their_rights(tmp_path: Path) -> None:
    """Who may not is told which capabilities it takes."""
    reason = why_no_process_names(procfs(tmp_path, NAMING & ~(1 << 2)))
    assert reason == NEEDED_CAPABILITIES
    assert "CAP_DAC_READ_SEARCH" in NEEDED_CAPABILITIES


def test_process_names_without_procfs(tmp_path: Path) -> None:
    """Where the capabilities cannot be read, the reason says so."""
    assert "/proc/self/status" in (why_no_process_names(tmp_path / "none") or "")


def test_canary_not_wanted() -> None:
    """A canary that is not wanted is not missed."""
    sampler = build_sampler("host", Path("/nonexistent"), readable_parser(), ["pools"])
    assert sampler.no_canary is None
    assert sampler.no_process_names is not None
