"""The network namespaces of a host: those with a name, and those with processes in them.

Sources: ip-netns(8) for the names, namespaces(7) for the files, which belong to nsfs.
"""

import os
import re
from collections.abc import Collection
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.owners.cgroups import CONTAINER, service_name
from tcp_pressure_exporter.sources.procfs.files import read_proc_file

RUN_NETNS = Path("/run/netns")
MAX_NAMES = 4_096
MAX_PROCESSES = 65_536
MAX_CGROUP_BYTES = 65_536
OPERATION = "network namespaces"
LINK = re.compile(r"net:\[([0-9]{1,10})\]")


class FoundNamespace(NamedTuple):
    """A network namespace and how to get there.

    inode: how the kernel tells namespaces apart; it is reused once a namespace is gone.
    path: the file to open. name: its name in /run/netns, any bytes as os.fsdecode returns them; ""
    for none.
    pid: of the first process in it, usually the oldest; None where there is none.
    """

    inode: int
    path: str
    name: str
    pid: int | None


def find_namespaces(procfs: Path, names: Path = RUN_NETNS) -> list[FoundNamespace]:
    """Return each network namespace once, except the calling thread's; raises SourceError.

    It leaves out what this process may not look at: other users' processes need CAP_SYS_PTRACE. It
    also misses namespaces that only an open file or a mount elsewhere keeps alive.
    """
    try:
        own = (procfs / "thread-self" / "ns" / "net").stat()
        processes = _processes(procfs)
    except OSError as error:
        raise SourceError(OPERATION, error.strerror or str(error)) from error
    found: dict[int, FoundNamespace] = {}
    for name in _names(names):
        inode = _inode(f"{names}/{name}", own.st_dev)
        if inode is not None:
            found.setdefault(inode, FoundNamespace(inode, f"{names}/{name}", name, None))
    for inode, pid in processes.items():
        nameless = FoundNamespace(inode, f"{procfs}/{pid}/ns/net", "", None)
        found[inode] = found.get(inode, nameless)._replace(pid=pid)
    found.pop(own.st_ino, None)
    return list(found.values())


def open_namespace(found: FoundNamespace) -> int | None:
    """Return a descriptor of the namespace, None where it is gone; raises SourceError.

    An open descriptor keeps a namespace alive, and with it its inode number.
    """
    try:
        # O_NONBLOCK: do not wait for a writer if there is a pipe there by now.
        descriptor = os.open(found.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError as error:
        raise SourceError(OPERATION, error.strerror or str(error)) from error
    if os.fstat(descriptor).st_ino != found.inode:  # name or process have changed
        os.close(descriptor)
        return None
    return descriptor


def read_cgroup(procfs: Path, pid: int) -> str:
    """Return the text of proc_pid_cgroup(5), "" where it cannot be read."""
    try:
        return read_proc_file("cgroup", f"{procfs}/{pid}/cgroup", MAX_CGROUP_BYTES) or ""
    except SourceError:
        return ""  # a path that is not ASCII; the label does without it


def _names(directory: Path) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return sorted(entry.name for entry in islice(entries, MAX_NAMES))
    except OSError:
        return []  # ip-netns(8) creates it with the first name


def _inode(path: str, nsfs: int) -> int | None:
    """Return the inode of a file in nsfs; any other file is a name without a namespace."""
    try:
        status = os.stat(path)  # noqa: PTH116 - os.scandir gives text, and a Path would not help
    except OSError:
        return None  # removed in the meantime, or a dangling link
    return status.st_ino if status.st_dev == nsfs else None


def _processes(procfs: Path) -> dict[int, int]:
    """Return the first process in each namespace; the kernel lists processes by number."""
    first: dict[str, str] = {}
    for name in islice(filter(str.isdecimal, os.listdir(procfs)), MAX_PROCESSES):  # noqa: PTH208 - texts
        first.setdefault(_read_link(f"{procfs}/{name}/ns/net"), name)
    matches = ((LINK.fullmatch(link), name) for link, name in first.items())
    return {int(match[1]): int(name) for match, name in matches if match}


def _read_link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - a Path each would double the time
    except OSError:
        return ""  # it has ended, or this user may not look at it


MAX_LABEL = 63  # characters
CONTAINER_PREFIX = "container:"
UNSAFE = re.compile(r"[^A-Za-z0-9._-]")

# The directory that the kubelet makes for a pod, named after its uid; a static pod's has no dashes.
# In systemd's names "-" means a parent, so there they are "_"
# (escapeSystemdCgroupName in pkg/kubelet/cm/cgroup_manager_linux.go of Kubernetes).
POD = re.compile(
    r"[/-]pod([0-9a-f]{32}|[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})(?=[./:]|$)"
)


def namespace_label(name: str, cgroup: str, inode: int) -> str:
    """Return the label of a namespace: its name, or its pod or container, or else `ns:INODE`.

    cgroup: /proc/PID/cgroup of a process in it, "" without one.
    """
    return _safe(name or pod_or_container(cgroup)) or f"ns:{inode}"


def unique_label(label: str, inode: int, taken: Collection[str]) -> str:
    """Return the label, followed by the inode if another namespace has the label already."""
    if label not in taken:
        return label
    suffix = f":{inode}"  # no name contains a colon, and no two namespaces share an inode
    return label[: MAX_LABEL - len(suffix)] + suffix


def pod_or_container(cgroup: str) -> str:
    """Return the pod's uid or the container's id or name from proc_pid_cgroup(5); "" for neither.

    The first line that names one counts, with that of cgroup2 before all others.
    """
    lines = [line.split(":", 2) for line in cgroup.split("\n") if line.count(":") > 1]
    lines.sort(key=lambda line: line[0] != "0")
    return next(filter(None, (_of_path(path) for _number, _controllers, path in lines)), "")


def _of_path(path: str) -> str:
    pod = POD.search(path)
    # A pod has one network namespace for its containers. A container inside one has its own.
    if pod and len(CONTAINER.findall(path[pod.end() :])) <= 1:
        return pod[1].replace("_", "-")
    service = service_name(path)
    return service.removeprefix(CONTAINER_PREFIX) if service.startswith(CONTAINER_PREFIX) else ""


def _safe(text: str) -> str:
    return UNSAFE.sub("_", text)[:MAX_LABEL]
