"""Containers by the names that people know: those of pods, Docker and Podman, read from files.

It calls no API and reads no log: the names of files and folders give pods, small files the others.
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from tcp_pressure_exporter.sources.owners.cgroups import service_name
from tcp_pressure_exporter.sources.pacing import Remembered

# Written by kubelet: the second by ContainerLogsDir and LogSymlink (pkg/kubelet/kuberuntime/
# legacy.go), the first by BuildPodLogsDirectory (pkg/kubelet/kuberuntime/helpers.go).
POD_LOGS = Path("var/log/pods")
CONTAINER_LOGS = Path("var/log/containers")
DOCKER = Path("var/lib/docker/containers")
PODMAN = Path("var/lib/containers/storage/overlay-containers")
PODMAN_FILES = ("containers.json", "volatile-containers.json")  # of containers/storage

SHOWN_DIGITS = 12  # of an id, as in service_name
MAX_FOLDERS = 16_384  # entries of one folder
MAX_FILE = 2**20  # bytes
MAX_KNOWN = 4_096  # cgroups with a name
MAX_NAME = 200  # characters
KNOWN_SECONDS = 300.0
UNKNOWN_SECONDS = 30.0  # a log's folder appears a little after its container

# RFC 1123 labels, and subdomains for pods: Kubernetes allows no other names.
LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9][-.a-z0-9]{0,252}")
_POD, _LABEL = SUBDOMAIN.pattern, LABEL.pattern
CONTAINER_LOG = re.compile(rf"({_POD})_({_LABEL})_({_LABEL})-([0-9a-f]{{64}})\.log")
UID = r"[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32}"
POD_FOLDER = re.compile(rf"({_LABEL})_({_POD})_({UID})")
# In a cgroup's path: the kubelet's systemd driver writes _ for -, and a static pod's uid is a hash.
POD = re.compile(rf"[-/]pod({UID})(?=\.slice|[/:]|$)")
FULL_ID = re.compile(r"(?<![0-9a-f])([0-9a-f]{64})(?![0-9a-f])")
# daemon/names of moby, and libpod/define of podman.
RUNTIME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")


class ContainerPlace(NamedTuple):
    """A container in a cgroup's path. pod_uid: "" if it is not in a pod."""

    container_id: str
    pod_uid: str = ""


def container_place(cgroup_path: str) -> ContainerPlace | None:
    """Return the innermost container by its full id, None without a full id or a container."""
    ids, pods = FULL_ID.findall(cgroup_path), POD.findall(cgroup_path)
    if not ids or service_name(cgroup_path) != f"container:{ids[-1][:SHOWN_DIGITS]}":
        return None
    return ContainerPlace(ids[-1], pods[-1].replace("_", "-") if pods else "")


class Containers:
    """Knows the names of containers, each for a few minutes.

    root: the folder below which the host's folders are.
    """

    def __init__(self, root: Path = Path("/"), clock: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._clock = clock
        self._names: dict[str, tuple[str, float]] = {}  # with the time until which it holds
        logs, pods, podman = (
            Remembered(read, UNKNOWN_SECONDS, clock)
            for read in (self._container_logs, self._pods, self._podman)
        )
        self._by_log, self._by_uid, self._by_podman = logs, pods, podman

    def name(self, cgroup_path: str) -> str:
        """Return `namespace/pod/container`, or `container:NAME`; "" if only an id is known."""
        now = self._clock()
        name, until = self._names.get(cgroup_path, ("", now))
        if now < until:
            return name
        place = container_place(cgroup_path)
        name = self._find(place)[:MAX_NAME] if place else ""
        if len(self._names) >= MAX_KNOWN:
            self._names.clear()
        self._names[cgroup_path] = name, now + (KNOWN_SECONDS if name else UNKNOWN_SECONDS)
        return name

    def _find(self, place: ContainerPlace) -> str:
        if name := self._by_log.get().get(place.container_id):
            return name
        if pod := self._by_uid.get().get(place.pod_uid):
            return self._pod_with_container(pod)
        name = self._docker(place.container_id) or self._by_podman.get().get(place.container_id)
        return f"container:{name}" if name else ""

    def _container_logs(self) -> Mapping[str, str]:
        """Return `namespace/pod/container` by the container's id."""
        found = filter(None, map(CONTAINER_LOG.fullmatch, _entries(self._root / CONTAINER_LOGS)))
        return {match[4]: f"{match[2]}/{match[1]}/{match[3]}" for match in found}

    def _pods(self) -> Mapping[str, str]:
        """Return the pod's folder by its uid."""
        found = filter(None, map(POD_FOLDER.fullmatch, _entries(self._root / POD_LOGS)))
        return {match[3]: match[0] for match in found}

    def _pod_with_container(self, folder: str) -> str:
        """Return `namespace/pod`, with the container if the pod has only one."""
        namespace, pod, _uid = folder.split("_")
        names = list(islice(_entries(self._root / POD_LOGS / folder), 2))
        alone = len(names) == 1 and LABEL.fullmatch(names[0])
        return f"{namespace}/{pod}/{names[0]}" if alone else f"{namespace}/{pod}"

    def _docker(self, container_id: str) -> str:
        found = read_json(self._root / DOCKER / container_id / "config.v2.json")
        return docker_name(found)

    def _podman(self) -> Mapping[str, str]:
        """Return the names of root's containers by their ids."""
        names: dict[str, str] = {}
        for file in PODMAN_FILES:
            names.update(podman_names(read_json(self._root / PODMAN / file)))
        return names


def docker_name(config: Any) -> str:
    """Return the name of a container from its config.v2.json, "" if there is none."""
    name = config.get("Name") if isinstance(config, dict) else None
    return _runtime_name(name.removeprefix("/")) if isinstance(name, str) else ""


def podman_names(containers: Any) -> Iterator[tuple[str, str]]:
    """Yield (id, name) of the containers in a containers.json (containers/storage)."""
    for one in containers if isinstance(containers, list) else ():
        if not isinstance(one, dict):
            continue
        container_id, names = one.get("id"), one.get("names")
        first = names[0] if isinstance(names, list) and names else None
        if isinstance(container_id, str) and isinstance(first, str) and _runtime_name(first):
            yield container_id, first


def _runtime_name(name: str) -> str:
    return name if RUNTIME_NAME.fullmatch(name) else ""


def _entries(folder: Path) -> Iterator[str]:
    """Yield the names in a folder; none if it does not exist, or this user may not read it."""
    with suppress(OSError), os.scandir(folder) as entries:
        yield from (entry.name for entry in islice(entries, MAX_FOLDERS))


def read_json(file: Path, most: int = MAX_FILE) -> Any:
    """Return what a file contains; None if there is nothing, or too much."""
    try:
        with file.open("rb") as opened:
            content = opened.read(most + 1)
        return json.loads(content) if len(content) <= most else None
    except (OSError, ValueError, RecursionError):
        return None
