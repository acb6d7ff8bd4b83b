"""A real cgroup2 directory for one test, and a real process in it that has TCP sockets."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import psutil

EMPTY_SECONDS = 10.0
PROCESS_NAME = "web-server"
# Names itself, waits to be put into its cgroup, opens a listening socket and says its inode.
PROGRAM = f"""
import os, pathlib, socket, sys
pathlib.Path("/proc/self/comm").write_text({PROCESS_NAME!r})
sys.stdin.readline()
with socket.create_server(("127.0.0.1", 0)) as server:
    print(os.fstat(server.fileno()).st_ino, flush=True)
    sys.stdin.readline()
"""


class CgroupTree(NamedTuple):
    """A cgroup2 directory; `procfs` is a /proc that shows only this, as if it were the root."""

    root: Path
    procfs: Path

    def make(self, name: str) -> int:
        """Make a cgroup below the directory; return its id."""
        directory = self.root / name
        directory.mkdir()
        return directory.stat().st_ino


class Holder(NamedTuple):
    """A process and the inode of the listening socket it has."""

    pid: int
    inode: int


@contextmanager
def cgroup_tree(folder: Path) -> Iterator[CgroupTree]:
    """Make a directory in the real cgroup2 tree; remove it and all below it at the end.

    folder: where the /proc goes. On a host without a writable cgroup2 tree, one is mounted.
    """
    with ExitStack() as stack:
        mount = _writable_mount() or stack.enter_context(_mounted())
        root = mount / f"tcp-pressure-test-{secrets.token_hex(4)}.slice"
        root.mkdir()
        stack.callback(_remove, root)
        yield CgroupTree(root, fake_mounts(folder / "proc", mounted_at(root)))


def mounted_at(root: Path) -> str:
    """Return the line of mountinfo that has a cgroup2 tree mounted there."""
    return f"41 31 0:38 / {root} rw - cgroup2 cgroup2 rw\n"


def fake_mounts(procfs: Path, mountinfo: str) -> Path:
    """Write the mountinfo of a /proc; return that /proc."""
    (procfs / "self").mkdir(parents=True, exist_ok=True)
    (procfs / "self" / "mountinfo").write_text(mountinfo)
    return procfs


@contextmanager
def socket_holder(cgroup: Path) -> Iterator[Holder]:
    """Run a process with a listening socket in a cgroup, in the network namespace of the thread."""
    command = [sys.executable, "-c", PROGRAM]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        (cgroup / "cgroup.procs").write_text(f"{process.pid}\n")
        process.stdin.write("\n")
        process.stdin.flush()
        yield Holder(process.pid, int(process.stdout.readline()))


def _writable_mount() -> Path | None:
    disks = psutil.disk_partitions(all=True)
    mounts = [Path(disk.mountpoint) for disk in disks if disk.fstype == "cgroup2"]
    return next((mount for mount in mounts if os.access(mount, os.W_OK)), None)


@contextmanager
def _mounted() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)  # unprivileged processes walk it too
        subprocess.run(["mount", "-t", "cgroup2", "none", name], check=True)
        try:
            yield place
        finally:
            subprocess.run(["umount", name], check=True)


def _remove(root: Path) -> None:
    # The kernel may take an ended process out of its cgroup after its parent has heard of the end.
    deadline = time.monotonic() + EMPTY_SECONDS
    while "populated 1" in (root / "cgroup.events").read_text():
        assert time.monotonic() < deadline, "a process of the test still runs"
        time.sleep(0.005)
    for directory, _directories, _files in os.walk(root, topdown=False):
        Path(directory).rmdir()
