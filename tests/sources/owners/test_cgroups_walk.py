import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcp_pressure_exporter.sources.owners import cgroups as module
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tests.support.fakes.fake_clock import FakeClock
from tests.support.labs.cgroup_tree import CgroupTree, cgroup_tree, fake_mounts, mounted_at


class SlowClock(FakeClock):
    """A clock that advances 0.1 s at each look."""

    def __call__(self) -> float:
        self.advance(0.1)
        return self.now


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[CgroupTree]:
    """Make a real cgroup for the test."""
    with cgroup_tree(tmp_path) as tree:
        yield tree


@pytest.mark.parametrize(
    ("slower", "pause"),
    [(1, 20), (10_000, 60)],  # seconds: 0.1 s in 20 s are 0.005 of one CPU; never more than 60 s
)
def test_pause(tree: CgroupTree, monkeypatch: pytest.MonkeyPatch, slower: int, pause: int) -> None:
    """After a walk the next one, for a new id, waits; known ids do not."""
    monkeypatch.setattr(module, "WALK_SHARE", module.WALK_SHARE / slower)
    clock = SlowClock()
    cgroups = Cgroups(tree.procfs, clock)
    first = tree.make("first")
    assert cgroups.path(first) == "/first"
    second = tree.make("second")
    clock.advance(pause - 1)
    assert [cgroups.path(first), cgroups.path(second)] == ["/first", None]
    clock.advance(1)
    assert cgroups.path(second) == "/second"


def test_known_cgroup(tree: CgroupTree) -> None:
    """There is no walk for a known cgroup, even if it has gone."""
    clock = FakeClock()
    cgroups = Cgroups(tree.procfs, clock)
    cgroup_id = tree.make("a")
    assert cgroups.path(cgroup_id) == "/a"
    (tree.root / "a").rmdir()
    clock.advance(1000)
    assert cgroups.path(cgroup_id) == "/a"
    assert cgroups.processes(cgroup_id) == []
    assert cgroups.path(tree.make("b")) == "/b"  # with a walk, after which /a is no more
    assert cgroups.path(cgroup_id) is None


def test_removed_cgroup(tree: CgroupTree) -> None:
    """One walk finds that a cgroup was removed, and there is no second one for it."""
    clock = SlowClock()
    cgroups = Cgroups(tree.procfs, clock)
    removed = tree.make("removed")
    (tree.root / "removed").rmdir()
    assert cgroups.path(removed) is None
    new = tree.make("new")
    clock.advance(100)
    assert cgroups.path(removed) is None
    assert cgroups.path(new) == "/new"  # its walk was still to be had


def test_memory_of_removed_cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many missing ids are remembered as there may be cgroups; then they are forgotten."""
    monkeypatch.setattr(module, "MAX_CGROUPS", 3)
    (tmp_path / "cgroup.controllers").touch()
    cgroups = Cgroups(fake_mounts(tmp_path / "proc", mounted_at(tmp_path)), FakeClock())
    scandir, walks = os.scandir, []

    def count_and_scan(directory: str) -> Iterator[os.DirEntry[str]]:
        walks.append(directory)
        return scandir(directory)

    monkeypatch.setattr(os, "scandir", count_and_scan)
    one, two, three, four = range(2**40, 2**40 + 4)
    for cgroup_id in (one, two, three, one, two, three):
        assert cgroups.path(cgroup_id) is None
    assert walks.count(str(tmp_path)) == 3
    for cgroup_id in (four, one):
        assert cgroups.path(cgroup_id) is None
    assert walks.count(str(tmp_path)) == 5


def test_vanishing(tree: CgroupTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cgroup that vanishes during the walk is skipped, and the walk goes on."""
    gone, last, inner = tree.make("gone"), tree.make("last"), tree.make("last/inner")
    scandir = os.scandir

    def remove_and_scan(directory: str) -> Iterator[os.DirEntry[str]]:
        if directory.endswith("/gone"):
            Path(directory).rmdir()
        return scandir(directory)

    monkeypatch.setattr(os, "scandir", remove_and_scan)
    cgroups = Cgroups(tree.procfs)
    assert cgroups.path(last) == "/last"
    assert cgroups.path(inner) == "/last/inner"
    assert not (tree.root / "gone").exists()
    assert cgroups.processes(gone) == []


def test_symbolic_link(tmp_path: Path) -> None:
    """A symbolic link is not followed: the walk ends, whatever stands in for the tree."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "cgroup.controllers").touch()
    (root / "loop").symlink_to(root)
    cgroups = Cgroups(fake_mounts(tmp_path, mounted_at(root)))
    assert cgroups.path((root / "loop").lstat().st_ino) is None
    assert cgroups.path(root.stat().st_ino) == "/"


def test_number_of_cgroups(tree: CgroupTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most MAX_CGROUPS are known: those near the root before deeply nested ones."""
    monkeypatch.setattr(module, "MAX_CGROUPS", 5)
    near = [tree.make(name) for name in ("a", "b", "a/near", "b/near")]
    far = [tree.make(name) for name in ("a/near/far", "b/near/far")]
    cgroups = Cgroups(tree.procfs)
    assert [cgroups.path(cgroup_id) for cgroup_id in near] == ["/a", "/b", "/a/near", "/b/near"]
    assert [cgroups.path(cgroup_id) for cgroup_id in far] == [None] * 2


def test_length_of_paths(tree: CgroupTree) -> None:
    """A path of more than 512 characters is not followed."""
    outer, inner = "a" * 255, "b" * 255
    longest = [tree.make(outer), tree.make(f"{outer}/{inner}")]
    too_long = tree.make(f"{outer}/{inner}/c")
    cgroups = Cgroups(tree.procfs)
    paths = [cgroups.path(cgroup_id) for cgroup_id in longest]
    assert paths == [f"/{outer}", f"/{outer}/{inner}"]
    assert cgroups.path(too_long) is None
