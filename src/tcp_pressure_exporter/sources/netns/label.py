"""The label of a network namespace, from its name or from the cgroup of a process in it.

Names and cgroups are chosen outside this program: what is no letter, digit, ".", "_" or "-"
becomes "_" in the label.
"""

import re
from collections.abc import Collection

from tcp_pressure_exporter.sources.owners.services import CONTAINER, service_name

MAX_LABEL = 63  # characters
CONTAINER_PREFIX = "container:"
UNSAFE = re.compile(r"[^A-Za-z0-9._-]")

# The directory that kubelet makes for a pod, named after its uid; that of a static pod has no
# dashes. In systemd's names "-" means a parent, so there they are "_"
# (escapeSystemdCgroupName in pkg/kubelet/cm/cgroup_manager_linux.go of Kubernetes).
POD = re.compile(
    r"[/-]pod([0-9a-f]{32}|[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})(?=[./:]|$)"
)


def namespace_label(name: str, cgroup: str, inode: int) -> str:
    """Return the label of a namespace: its name, else its pod or container, else `ns:INODE`.

    cgroup: /proc/PID/cgroup of a process in it, "" without one.
    """
    return _safe(name or pod_or_container(cgroup)) or f"ns:{inode}"


def unique_label(label: str, inode: int, taken: Collection[str]) -> str:
    """Return the label, with the inode behind it where another namespace has it already."""
    if label not in taken:
        return label
    suffix = f":{inode}"  # no name holds a colon, and no two namespaces have one inode
    return label[: MAX_LABEL - len(suffix)] + suffix


def pod_or_container(cgroup: str) -> str:
    """Return the pod's uid or the container's id or name from proc_pid_cgroup(5); "" for neither.

    The first line that names one counts, that of cgroup2 before all others.
    """
    lines = [line.split(":", 2) for line in cgroup.split("\n") if line.count(":") > 1]
    lines.sort(key=lambda line: line[0] != "0")
    return next(filter(None, (_of_path(path) for _number, _controllers, path in lines)), "")


def _of_path(path: str) -> str:
    pod = POD.search(path)
    # A pod has one network namespace for its containers. One inside of one has its own.
    if pod and len(CONTAINER.findall(path[pod.end() :])) <= 1:
        return pod[1].replace("_", "-")
    service = service_name(path)
    return service.removeprefix(CONTAINER_PREFIX) if service.startswith(CONTAINER_PREFIX) else ""


def _safe(text: str) -> str:
    return UNSAFE.sub("_", text)[:MAX_LABEL]
