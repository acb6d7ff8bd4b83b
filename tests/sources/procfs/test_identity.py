"""Where a process runs, from the real kernel and from ones that do not tell."""

import os
from pathlib import Path

import pytest

from tcp_pressure_exporter.sources.procfs.identity import read_identity

PROC = Path("/proc")


def test_same_host() -> None:
    """Two readings agree, and do not reveal the kernel's own boot id."""
    found = read_identity(PROC)
    assert found == read_identity(PROC)
    assert found is not None
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert boot_id.replace("-", "") not in found.boot
    assert found.network_namespace == os.stat("/proc/self/ns/net").st_ino  # noqa: PTH116


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    """Make a /proc of another host."""
    random = tmp_path / "sys" / "kernel" / "random"
    random.mkdir(parents=True)
    (random / "boot_id").write_text("8ef98b8c-0d60-4b0a-a0ec-c7d2c2ba0c19\n")
    (tmp_path / "self" / "ns").mkdir(parents=True)
    (tmp_path / "self" / "ns" / "net").touch()
    return tmp_path


def test_another_host(fake: Path) -> None:
    """Another boot has another identity."""
    here, there = read_identity(PROC), read_identity(fake)
    assert here
    assert there
    assert here.boot != there.boot


@pytest.mark.parametrize("missing", ["sys/kernel/random/boot_id", "self/ns/net"])
def test_not_told(fake: Path, missing: str) -> None:
    """If either is hidden, as in a sandbox, nothing is made up."""
    (fake / missing).unlink()
    assert read_identity(fake) is None
