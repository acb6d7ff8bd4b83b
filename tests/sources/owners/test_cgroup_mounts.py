from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.sources.owners.cgroups import cgroup2_mounts

HYBRID = (  # a host whose systemd uses both versions: /sys/fs/cgroup itself is a tmpfs
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 master:1 - cgroup2 cgroup2 rw\n"
)
UNIFIED = (
    "23 28 0:21 / /proc rw,nosuid - proc proc rw\n"
    "34 23 0:29 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
)


@pytest.mark.parametrize(
    ("text", "mounts"),
    [
        ("", []),
        (HYBRID, ["/sys/fs/cgroup/unified"]),
        (UNIFIED, ["/sys/fs/cgroup"]),
        (HYBRID.replace("cgroup2", "cgroup"), []),
        (r"1 2 0:3 / /mnt/a\040b\011c\012d\134040 rw - cgroup2 none rw", ["/mnt/a b\tc\nd\\040"]),
        ("1 2 0:3 / /mnt/a\u2028b\x0bc rw - cgroup2 none rw\n", ["/mnt/a\u2028b\x0bc"]),
        ("1 2 0:3 / /a rw - cgroup2\n", ["/a"]),
        ("1 2 0:3 / - cgroup2 none rw\n1 2 0:3 / /b rw cgroup2\nnonsense\n - cgroup2\n", []),
    ],
)
def test_mounts(text: str, mounts: list[str]) -> None:
    """The mounts of cgroup2 are found by their type, with the kernel's escapes undone."""
    assert cgroup2_mounts(text) == [Path(mount) for mount in mounts]


def test_order() -> None:
    """The most of the tree comes first; the roots are as seen with `unshare --cgroup`."""
    roots = ["/web.service", "/../web.slice", "/", "/..", "/../../..", "/..x"]
    text = "".join(f"1 2 0:3 {root} /{i} rw - cgroup2 none rw\n" for i, root in enumerate(roots))
    assert cgroup2_mounts(text) == [Path(f"/{i}") for i in (4, 3, 2, 0, 1, 5)]


@given(st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1), max_size=4))
def test_any_mount_point(parts: list[str]) -> None:
    """Every mount point is read back from the kernel's notation (proc_pid_mountinfo(5))."""
    point = Path("/", *parts)
    escaped = str(point).replace("\\", r"\134")
    for char, code in ((" ", r"\040"), ("\t", r"\011"), ("\n", r"\012")):
        escaped = escaped.replace(char, code)
    assert cgroup2_mounts(f"41 31 0:38 / {escaped} rw - cgroup2 none rw\n") == [point]


@given(st.lists(st.sampled_from(["1", " ", "/", "..", "\n", " - ", "cgroup2", "\\040", "é\udcff"])))
def test_any_text(parts: list[str]) -> None:
    """Any text gives a list of paths."""
    assert all(isinstance(mount, Path) for mount in cgroup2_mounts("".join(parts)))
