"""The cgroup2 tree: from the id of a socket in sock_diag to path, service and processes."""

import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from tcp_pressure_exporter.sources.pacing import Allowance, Spending

WALK_SHARE = 0.005  # of one CPU
MAX_PAUSE = 60.0  # seconds
MAX_CGROUPS = 65_536
MAX_PATH = 512  # characters; bounds the memory if someone nests cgroups for fun
MAX_PROCESSES_BYTES = 65_536

# How show_mountinfo() in fs/proc_namespace.c writes tab, newline, space and backslash.
ESCAPE = re.compile(r"\\(011|012|040|134)")
# A mount's root in the reader's cgroup namespace: all of it, or more, as hosts mount it for
# containers.
WHOLE = re.compile(r"/|(?:/\.\.)+")
# A process outside the reader's PID namespace is 0. A truncated line is not a process.
PROCESS_LINE = re.compile(rb"^([1-9][0-9]{0,9})\n", re.MULTILINE)


class Cgroups:
    """Knows the cgroups as of the last walk over the tree; none if cgroup2 is not mounted.

    An unknown id causes a walk over the tree, within a share of one CPU. An id that a walk does not
    find belongs to a removed cgroup and never returns (kernfs counts upwards). spending: as in
    Allowance.
    """

    def __init__(
        self,
        procfs: Path = Path("/proc"),
        clock: Callable[[], float] = time.monotonic,
        spending: Spending | None = None,
    ) -> None:
        self._procfs = procfs
        self._allowance = Allowance(WALK_SHARE, MAX_PAUSE, clock, spending=spending)
        self._mount: Path | None = None
        self._paths: dict[int, str] = {}
        self._removed: set[int] = set()

    def path(self, cgroup_id: int) -> str | None:
        """Return the path of a cgroup below the mount, "/" for the root; None where unknown.

        cgroup_id: as in INET_DIAG_CGROUP_ID, the directory's inode number (cgroup_id() in
        include/linux/cgroup.h).
        """
        unknown = cgroup_id not in self._paths and cgroup_id not in self._removed
        if unknown and self._allowance.due():
            with self._allowance.spend():
                self._walk()
            if cgroup_id not in self._paths and self._mount is not None:
                self._removed.add(cgroup_id)
        return self._paths.get(cgroup_id)

    def processes(self, cgroup_id: int) -> list[int]:
        """Return the process ids in a cgroup; none if it is unknown or cannot be read."""
        path = self.path(cgroup_id)
        if path is None:
            return []
        try:
            with Path(f"{self._mount}{path}/cgroup.procs").open("rb") as file:
                return [int(pid) for pid in PROCESS_LINE.findall(file.read(MAX_PROCESSES_BYTES))]
        except OSError:
            # It is gone, or it is a threaded cgroup, which has no list of processes. The list
            # only saves time (sources/owners/processes.py).
            return []

    def _walk(self) -> None:
        self._mount, self._paths = None, {}
        if len(self._removed) >= MAX_CGROUPS:
            self._removed.clear()
        for mount in cgroup2_mounts(_read_mountinfo(self._procfs)):
            root = _root_id(mount)
            if root is not None:
                self._mount, self._paths = mount, _paths_by_id(mount, root)
                return


NO_CGROUP2 = "cgroup2 is not mounted here, as on a cgroup v1 host"
ONLY_ROOT = "only cgroup2's root is visible: a container needs the host's tree (--cgroupns host)"


def why_no_services(procfs: Path) -> str | None:
    """Return why no socket leads to a service here, None where some may.

    A socket's cgroup, and that of a caller (bpf_get_current_cgroup_id), is the one in the cgroup2
    tree, even on a host that has both versions. If that is not mounted, or has nothing below its
    root, no socket has a service.
    """
    for mount in cgroup2_mounts(_read_mountinfo(procfs)):
        if _root_id(mount) is not None:
            return None if any(_children(str(mount))) else ONLY_ROOT
    return NO_CGROUP2


def cgroup2_mounts(mountinfo: str) -> list[Path]:
    """Return where cgroup2 is mounted, with the mounts that show most of the tree first.

    Source: proc_pid_mountinfo(5), and cgroup_namespaces(7) for roots above the reader's own.
    Lines that make no sense are skipped.
    """
    mounts: list[tuple[str, str]] = []
    for line in mountinfo.split("\n"):
        place, _separator, filesystem = line.partition(" - ")
        fields = place.split(" ")
        if filesystem.split(" ")[0] == "cgroup2" and len(fields) > 4:  # noqa: PLR2004 - 3 and 4
            mounts.append((fields[3], fields[4]))
    mounts.sort(key=lambda mount: _rank(mount[0]))
    return [Path(_unescape(point)) for _root, point in mounts]


def _rank(root: str) -> int:
    return -root.count("/..") if WHOLE.fullmatch(root) else 1


def _unescape(text: str) -> str:
    return ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)


def _read_mountinfo(procfs: Path) -> str:
    try:
        return os.fsdecode((procfs / "self" / "mountinfo").read_bytes())
    except OSError:
        return ""  # without /proc no socket's service is known, but nothing else is lost


def _root_id(mount: Path) -> int | None:
    """Return the id of the topmost cgroup of a mount, None if it cannot be reached."""
    try:
        # Another file system mounted over it would have different inode numbers.
        (mount / "cgroup.controllers").stat()
        return mount.stat().st_ino
    except OSError:
        return None


def _paths_by_id(mount: Path, root: int) -> dict[int, str]:
    """Walk the tree from the root outwards, up to the limits."""
    paths = {root: "/"}
    pending = deque([""])
    while pending:
        parent = pending.popleft()
        for child in _children(f"{mount}{parent}"):
            path = f"{parent}/{child.name}"
            if len(path) > MAX_PATH:
                continue
            if len(paths) >= MAX_CGROUPS:
                return paths
            paths[child.inode()] = path
            pending.append(path)
    return paths


def _children(directory: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            yield from (entry for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return  # a cgroup goes with its last process; or it is not readable by other users


MAX_SERVICE_NAME = 63  # characters

# A directory that a container runtime makes for one container. The only group of each alternative
# is what identifies the container.
CONTAINER = re.compile(
    r"""
    /(?:
    # docker, containerd, CRI-O, podman, nerdctl. runc's systemd driver calls the scope PREFIX-ID
    # (docs/systemd.md of runc). Its cgroupfs driver takes what it is given: ID, PREFIX-ID, or
    # SLICE:PREFIX:ID where kubelet means the other driver.
      (?: [^/]*: | (?:docker|cri-containerd|crio|libpod|nerdctl)- )?
      ([0-9a-f]{12}) [0-9a-f]{52} (?:\.scope)?
    # LXC, LXD and Proxmox: from LXC 4.0 on, LXC 3.1, before (src/lxc/cgroups/cgfsng.c).
    | lxc (?: \.payload\. | \.payload/ | / ) ([^/]+)
    # systemd-nspawn as a service, and as registered with systemd-machined(8). libvirt registers
    # its virtual machines there too, but those are no containers.
    | systemd-nspawn@ ([^/]+) \.service
    | machine- (?!qemu\\x2d) ([^/]+) \.scope
    )(?![^/])
    """,
    re.VERBOSE,
)
UNIT = re.compile(r"[^/]+\.(?:service|scope|socket|mount|swap)")


def service_name(cgroup_path: str) -> str:
    """Return the innermost container in a cgroup's path, or else its innermost systemd unit.

    A container is `container:` and the first 12 digits of its id, or its name. A unit keeps
    systemd's escapes. A path with neither is returned without its leading slash, so the root is "".

    At most 63 characters: a name keeps its beginning, a path its end. Nothing is escaped, and
    whoever may create cgroups chooses their names: this is a hint to the owner, not proof.
    """
    containers: list[tuple[str, ...]] = CONTAINER.findall(cgroup_path)
    if containers:
        return ("container:" + "".join(containers[-1]))[:MAX_SERVICE_NAME]
    units = [part for part in cgroup_path.split("/") if UNIT.fullmatch(part)]
    if units:
        return units[-1][:MAX_SERVICE_NAME]
    return cgroup_path.removeprefix("/")[-MAX_SERVICE_NAME:]
