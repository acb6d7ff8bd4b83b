"""Real network namespaces besides the test's own, with names, processes and sockets."""

import ctypes
import os
import secrets
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from tests.support.labs.network_namespace import CLONE_NEWNET

MS_BIND = 4096  # include/uapi/linux/mount.h
RUN_NETNS = Path("/run/netns")
NAMESPACE = "/proc/thread-self/ns/net"
# What the exporter reads from /proc besides the processes.
OWN = ("self", "thread-self", "sys", "net")

Given = TypeVar("Given")


class Made(NamedTuple):
    """A namespace and what is in it: its sockets, and its process if it has one."""

    inode: int
    sockets: list[socket.socket]
    process: subprocess.Popen[bytes] | None = None


class OtherNamespaces:
    """Makes namespaces; its `procfs` and its folder `names` show only these."""

    def __init__(self, folder: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.procfs = folder / "proc"
        self.names = folder / "netns"
        for directory in (self.procfs, self.names):
            directory.mkdir()
        for name in OWN:
            (self.procfs / name).symlink_to(f"/proc/{name}")
        self.made: list[Made] = []

    def name(self, name: str, sockets: int = 0, family: int = socket.AF_INET) -> Made:
        """Make a namespace with a name, as `ip netns add` does, and listening sockets."""

        def make() -> Made:
            self._bind(name)
            return Made(_here(), [_listener(family) for _ in range(sockets)])

        made = _in_new_namespace(make)
        self.made.append(made)
        return made

    def run(self, cgroup: Path | None = None, sockets: int = 0) -> Made:
        """Make a namespace with a process, in a cgroup, and listening sockets."""

        def make() -> Made:
            process = subprocess.Popen(["sleep", "600"])
            return Made(_here(), [_listener() for _ in range(sockets)], process)

        made = _in_new_namespace(make)
        self.made.append(made)
        assert made.process is not None
        if cgroup:
            (cgroup / "cgroup.procs").write_text(f"{made.process.pid}\n")
        self.show(made.process.pid)
        return made

    def show(self, pid: int) -> None:
        """Let the /proc show another process."""
        (self.procfs / str(pid)).symlink_to(f"/proc/{pid}")

    def rename(self, name: str, new: str) -> None:
        """Give a named namespace another name."""
        path = self.names / new
        path.touch()
        self._mount(str(self.names / name), path)
        self.forget(name)

    def forget(self, name: str) -> None:
        """Take the name away: the namespace goes unless something else keeps it."""
        self._check(self._libc.umount2(os.fsencode(self.names / name), 0), "umount2")
        (self.names / name).unlink()

    def end(self, made: Made) -> None:
        """End what keeps the namespace: its process and its sockets."""
        for sock in made.sockets:
            sock.close()
        if made.process is not None:
            made.process.kill()
            made.process.wait()
            (self.procfs / str(made.process.pid)).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove everything."""
        for made in self.made:
            self.end(made)
        for path in self.names.iterdir():
            if os.path.ismount(path):
                self.forget(path.name)

    def _bind(self, name: str) -> None:
        path = self.names / name
        path.touch()
        self._mount(NAMESPACE, path)

    def _mount(self, source: str, target: Path) -> None:
        arguments = (os.fsencode(source), os.fsencode(target), None, MS_BIND, None)
        self._check(self._libc.mount(*arguments), "mount")

    def _check(self, result: int, operation: str) -> None:
        if result != 0:
            raise OSError(ctypes.get_errno(), operation)


@contextmanager
def other_namespaces(folder: Path) -> Iterator[OtherNamespaces]:
    """Give a maker of namespaces; everything is removed at the end."""
    with ExitStack() as stack:
        others = OtherNamespaces(folder)
        stack.callback(others.close)
        yield others


def in_namespace(name: str, *command: str) -> str:
    """Run a command in a namespace of ip-netns(8); return what it prints.

    Uses nsenter: `ip netns exec` wants to remount /, which is not a mount in a chroot.
    """
    full = ["nsenter", f"--net=/run/netns/{name}", *command]
    return subprocess.run(full, stdout=subprocess.PIPE, text=True, check=True).stdout


@contextmanager
def ip_netns() -> Iterator[str]:
    """Give the name of a new namespace of ip-netns(8), `lo` up; delete it at the end."""
    name = f"tcp-pressure-{os.getpid()}-{secrets.token_hex(4)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        in_namespace(name, "ip", "link", "set", "lo", "up")
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def namespace_inode(name: str) -> int:
    """Return the inode of a namespace of ip-netns(8)."""
    return (RUN_NETNS / name).stat().st_ino


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Let the calling thread be in a namespace of ip-netns(8)."""
    setns = ctypes.CDLL(None, use_errno=True).setns
    with Path(NAMESPACE).open() as home, (RUN_NETNS / name).open() as there:
        assert setns(there.fileno(), CLONE_NEWNET) == 0
        try:
            yield
        finally:
            assert setns(home.fileno(), CLONE_NEWNET) == 0


def _in_new_namespace(make: Callable[[], Given]) -> Given:
    """Call a function on a thread in a new namespace, which lives on in what it makes."""

    def run() -> Given:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare (these tests need root)")
        return make()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def _here() -> int:
    return Path(NAMESPACE).stat().st_ino


def _listener(family: int = socket.AF_INET) -> socket.socket:
    sock = socket.socket(family)
    sock.bind(("", 0))
    sock.listen()
    return sock
