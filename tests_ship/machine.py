"""A small Debian: as a folder, and booted with its systemd by systemd-nspawn."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests_ship.commands import CERTIFICATES, network_environment, output, wait_until
from tests_ship.places import SHIP

# systemd wants all cgroups in one tree, whatever the machine outside has. This is the
# /sys/fs/cgroup of a separate mount namespace.
BOOT = 'mount -t cgroup2 none /sys/fs/cgroup && exec systemd-nspawn "$@"'
# What the drop-ins give, besides what systemd-nspawn leaves by default.
CAPABILITIES = "CAP_NET_ADMIN,CAP_BPF,CAP_PERFMON"
CALLS = "bpf"
IN_ROOT = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'

BOOT_SECONDS = 120.0  # a busy disk turns one second into ten
GET = """
import sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=10) as answer:
    print(answer.read().decode())
"""


@dataclass(frozen=True)
class Root:
    """The files of a Debian system."""

    path: Path

    def run(self, *command: str) -> str:
        """Run a program in the root, with this machine's network."""
        variables = [f"{name}={value}" for name, value in network_environment().items()]
        path = "PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin"
        environ = ("env", "-i", "HOME=/root", path, *variables)
        unshared = ("unshare", "--mount", "sh", "-c", IN_ROOT, str(self.path))
        return output(*unshared, *environ, *command)

    def put(self, source: Path, place: str) -> None:
        """Copy a file or a folder to a place that may lack its parents."""
        target = self.path / place.removeprefix("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        output("cp", "--recursive", "--no-target-directory", source, target)


def unpack_root(suite: str, folder: Path) -> Root:
    """Unpack a Debian that can reach the package index."""
    path = folder / suite
    path.mkdir()
    output("tar", "--extract", "--file", SHIP / f"{suite}.tar", "--directory", path)
    root = Root(path)
    for file in (CERTIFICATES, Path("/etc/resolv.conf")):
        root.put(file, str(file))
    return root


@dataclass(frozen=True)
class Machine:
    """A booted Debian; `leader` is its first process, as seen from outside."""

    leader: int

    def run(self, *command: str) -> str:
        """Run a program inside; AssertionError if it fails."""
        inside = (
            "nsenter",
            f"--target={self.leader}",
            "--mount",
            "--uts",
            "--ipc",
            "--net",
            "--pid",
        )
        return output(*inside, *command)

    def systemctl(self, *arguments: str) -> str:
        return self.run("systemctl", *arguments)

    def show(self, unit: str, key: str) -> str:
        """Return a property of a unit."""
        return self.systemctl("show", f"--property={key}", "--value", unit).strip()

    def log(self, unit: str) -> str:
        """Return what the unit has logged, and systemd about it."""
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}")

    def get(self, url: str) -> str:
        """Return a page that is served inside."""
        return self.run("python3", "-c", GET, url)

    def is_up(self) -> bool:
        try:
            return bool(self.systemctl("is-system-running", "--wait"))
        except AssertionError:
            return False


@contextmanager
def booted(root: Root, log: Path) -> Iterator[Machine]:
    """Boot the root with a network of its own, and stop it afterwards."""
    nspawn = (
        *("--quiet", f"--directory={root.path}", "--boot", "--console=pipe", "--register=no"),
        *("--keep-unit", "--private-users=no", "--private-network", f"--capability={CAPABILITIES}"),
        f"--system-call-filter={CALLS}",
    )
    command = ("unshare", "--mount", "sh", "-c", BOOT, "sh", *nspawn)
    with log.open("wb") as console:
        process = subprocess.Popen(command, stdout=console, stderr=console)
    with process:
        try:
            wait_until(lambda: bool(_leaders(process.pid)), "its first process", BOOT_SECONDS)
            machine = Machine(_leaders(process.pid)[0])
            wait_until(machine.is_up, "systemd is up", BOOT_SECONDS)
            yield machine
        finally:
            _power_off(process)


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _leaders(pid: int) -> list[int]:
    """Return the children that are the first of a process namespace (proc(5), NSpid).

    systemd-nspawn has an earlier child, which only makes this one.
    """
    found = []
    for child in _children(pid):
        with suppress(FileNotFoundError):  # it has ended
            status = Path(f"/proc/{child}/status").read_text()
            if re.search(r"^NSpid:(\t\d+)+\t1$", status, re.MULTILINE):
                found.append(int(child))
    return found


def _power_off(process: subprocess.Popen[bytes]) -> None:
    process.terminate()  # systemd-nspawn powers the machine off
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        for child in _children(process.pid):
            os.kill(int(child), signal.SIGKILL)
        process.kill()
