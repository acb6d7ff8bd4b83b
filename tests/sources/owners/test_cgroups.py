from collections.abc import Iterator
from pathlib import Path

import pytest

from tcp_pressure_exporter.sources.owners.cgroups import (
    NO_CGROUP2,
    ONLY_ROOT,
    Cgroups,
    why_no_services,
)
from tests.support.fakes.fake_clock import FakeClock
from tests.support.labs.cgroup_tree import (
    CgroupTree,
    cgroup_tree,
    fake_mounts,
    mounted_at,
    socket_holder,
)


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[CgroupTree]:
    """Make a real cgroup for the test."""
    with cgroup_tree(tmp_path) as tree:
        yield tree


def test_real_mount(tree: CgroupTree) -> None:
    """Below the host's own mount the path is the kernel's, as in /proc/PID/cgroup."""
    cgroup_id = tree.make("web.service")
    with socket_holder(tree.root / "web.service") as holder:
        lines = Path(f"/proc/{holder.pid}/cgroup").read_text().splitlines()
        (path,) = [line.removeprefix("0::") for line in lines if line.startswith("0::")]
        assert path.endswith(f"{tree.root.name}/web.service")
        cgroups = Cgroups()
        assert cgroups.path(cgroup_id) == path
        assert cgroups.processes(cgroup_id) == [holder.pid]


def test_tree(tree: CgroupTree) -> None:
    """Every cgroup is known by its id, at any depth; the topmost is "/"."""
    outer, inner = tree.make("a.slice"), tree.make("a.slice/b\\x2dc d.service")
    cgroups = Cgroups(tree.procfs)
    assert cgroups.path(tree.root.stat().st_ino) == "/"
    assert cgroups.path(outer) == "/a.slice"
    assert cgroups.path(inner) == "/a.slice/b\\x2dc d.service"
    assert cgroups.path(2**63) is None


each_without = pytest.mark.parametrize(
    "mountinfo",
    [
        "",
        "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",  # the first version
        mounted_at(Path("/nowhere")),
        mounted_at(Path("/proc")),  # where /proc has been mounted over it
    ],
)


@each_without
def test_no_cgroup2(tmp_path: Path, mountinfo: str) -> None:
    """If cgroup2 is not mounted, or cannot be reached, every cgroup is unknown."""
    cgroups = Cgroups(fake_mounts(tmp_path, mountinfo))
    assert cgroups.path(1) is None
    assert cgroups.processes(1) == []


def test_no_procfs(tmp_path: Path) -> None:
    """Without /proc every cgroup is unknown."""
    assert Cgroups(tmp_path / "nowhere").path(1) is None


def test_mounted_later(tree: CgroupTree) -> None:
    """A mount that appears later is found, even for an id that was asked for before."""
    fake_mounts(tree.procfs, "")
    cgroups = Cgroups(tree.procfs, FakeClock())
    cgroup_id = tree.make("web.service")
    assert cgroups.path(cgroup_id) is None
    fake_mounts(tree.procfs, mounted_at(tree.root))
    assert cgroups.path(cgroup_id) == "/web.service"


def test_processes(tree: CgroupTree) -> None:
    """The processes of a cgroup are listed, those of the cgroups below it are not."""
    outer, inner = tree.make("a.slice"), tree.make("a.slice/web.service")
    with socket_holder(tree.root / "a.slice" / "web.service") as holder:
        cgroups = Cgroups(tree.procfs)
        assert cgroups.processes(inner) == [holder.pid]
        assert cgroups.processes(outer) == []
        assert cgroups.processes(2**63) == []


def test_threaded_cgroup(tree: CgroupTree) -> None:
    """A cgroup that cannot be asked for processes has none (cgroup-v2.rst: EOPNOTSUPP)."""
    cgroup_id = tree.make("threads")
    (tree.root / "threads" / "cgroup.type").write_text("threaded")
    with pytest.raises(OSError, match="not supported"):
        (tree.root / "threads" / "cgroup.procs").read_text()
    assert Cgroups(tree.procfs).processes(cgroup_id) == []


@pytest.mark.parametrize(
    ("content", "processes"),
    [
        (b"", []),
        (b"12\n13\n", [12, 13]),
        (b"0\n12\n", [12]),  # cgroup-v2.rst: 0 is a process of another PID namespace
        (b"12\n13", [12]),  # cut off
        (b"x\n-1\n 7\n1 2\n\n9\n\xd9\xa3\n", [9]),
        (b"9" * 60_000 + b"\n5\n", [5]),
    ],
)
def test_list_of_processes(tmp_path: Path, content: bytes, processes: list[int]) -> None:
    """Whole lines with a number that a process can have are processes."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "cgroup.controllers").touch()
    (root / "cgroup.procs").write_bytes(content)
    procfs = fake_mounts(tmp_path, mounted_at(root))
    assert Cgroups(procfs).processes(root.stat().st_ino) == processes


def test_many_processes(tmp_path: Path) -> None:
    """Only the beginning of an endless list is read."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "cgroup.controllers").touch()
    (root / "cgroup.procs").write_bytes(b"12345\n" * 100_000)
    procfs = fake_mounts(tmp_path, mounted_at(root))
    assert len(Cgroups(procfs).processes(root.stat().st_ino)) == 65_536 // 6


@each_without
def test_why_no_services(tmp_path: Path, mountinfo: str) -> None:
    """On a cgroup v1 host, or without a visible cgroup2, no socket leads to a service."""
    assert why_no_services(fake_mounts(tmp_path, mountinfo)) == NO_CGROUP2


def test_why_only_the_root(tree: CgroupTree) -> None:
    """A tree without cgroups, as a container sees its own, leads to no service either."""
    assert why_no_services(tree.procfs) == ONLY_ROOT
    tree.make("web.service")
    assert why_no_services(tree.procfs) is None


def test_both_versions(tree: CgroupTree) -> None:
    """On a host with both versions, as in systemd's hybrid hierarchy, cgroup2 gives services."""
    tree.make("web.service")
    first = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    assert why_no_services(fake_mounts(tree.procfs, first + mounted_at(tree.root))) is None
