"""Names of containers, from the files that the kubelet, Docker and Podman leave on a host."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.sources.owners import containers as module
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tcp_pressure_exporter.sources.owners.containers import (
    CONTAINER_LOGS,
    DOCKER,
    MAX_NAME,
    POD_LOGS,
    PODMAN,
    ContainerPlace,
    Containers,
    container_place,
    docker_name,
    podman_names,
)
from tcp_pressure_exporter.sources.owners.owners import Owners
from tests.support.fakes.fake_clock import FakeClock
from tests.support.labs.cgroup_tree import cgroup_tree, socket_holder
from tests.support.sampled import Namespace

A = "0e768f8db752fcd648adb264498daa1d8f31562320e881d6a9ec593d24b1f779"
B = "d6701ec289c56e4391acb11d07474b3139466857a305490575508a8b7a9fcf22"
UID = "03f3f104-3215-44f2-9686-d4dd1f05a7ed"
STATIC = "8a7de4ac4ac3c1b1b3b4ee20b3ec1d3c"  # of a static pod: a hash of its manifest
SLICE = "kubepods-burstable-pod03f3f104_3215_44f2_9686_d4dd1f05a7ed.slice"
SYSTEMD = f"/kubepods.slice/kubepods-burstable.slice/{SLICE}/cri-containerd-{A}.scope"
CGROUPFS = f"/kubepods/burstable/pod{UID}/{A}"
DOCKER_SCOPE = f"/system.slice/docker-{A}.scope"
PODMAN_SCOPE = f"/machine.slice/libpod-{A}.scope/container"


class FakeHost:
    """The folders of a host."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = FakeClock()
        self.containers = Containers(root, self.clock)

    def pod(self, folder: str, *containers: str) -> None:
        for container in containers:
            (self.root / POD_LOGS / folder / container).mkdir(parents=True)

    def log(self, name: str) -> None:
        """Leave a link that leads nowhere here: its name tells all."""
        folder = self.root / CONTAINER_LOGS
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to("/var/log/pods/gone")

    def docker(self, container_id: str, content: str) -> None:
        folder = self.root / DOCKER / container_id
        folder.mkdir(parents=True)
        (folder / "config.v2.json").write_text(content)

    def podman(self, content: str, file: str = "containers.json") -> None:
        folder = self.root / PODMAN
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(content)


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    """Make a host on which nothing runs."""
    return FakeHost(tmp_path)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (SYSTEMD, ContainerPlace(A, UID)),
        (CGROUPFS, ContainerPlace(A, UID)),
        (f"/kubepods/pod{STATIC}/{A}", ContainerPlace(A, STATIC)),
        (f"/system.slice/containerd.service/{SLICE}:cri-containerd:{A}", ContainerPlace(A, UID)),
        (f"/docker/{B}/kubepods.slice/{SLICE}/crio-{A}.scope", ContainerPlace(A, UID)),
        (DOCKER_SCOPE, ContainerPlace(A)),
        (PODMAN_SCOPE, ContainerPlace(A)),
        (f"/docker/{A}/system.slice/nginx.service", ContainerPlace(A)),
        (f"/docker/{A}/lxc.payload.c1", None),
        ("/system.slice/nginx.service", None),
        (f"/user.slice/{A}a", None),
        ("/", None),
    ],
)
def test_place(path: str, place: ContainerPlace | None) -> None:
    """A cgroup's path gives the innermost container, and the pod around it."""
    assert container_place(path) == place


def test_log_of_a_container(host: FakeHost) -> None:
    """The name of its log gives a container's namespace, pod and name, by its id."""
    host.log(f"web-7d9c-x2x4_default_nginx-{A}.log")
    host.log(f"web-7d9c-x2x4_default_istio-proxy-{B}.log")
    for path in (SYSTEMD, CGROUPFS):
        assert host.containers.name(path) == "default/web-7d9c-x2x4/nginx"
    assert host.containers.name(CGROUPFS.replace(A, B)) == "default/web-7d9c-x2x4/istio-proxy"


def test_folder_of_a_pod(host: FakeHost) -> None:
    """A pod's folder gives its namespace and name by its uid, and its only container."""
    host.pod(f"default_web-7d9c-x2x4_{UID}", "nginx")
    host.pod(f"kube-system_etcd-node1_{STATIC}", "etcd")
    assert host.containers.name(SYSTEMD) == "default/web-7d9c-x2x4/nginx"
    assert host.containers.name(f"/kubepods/pod{STATIC}/{A}") == "kube-system/etcd-node1/etcd"


def test_several_containers(host: FakeHost) -> None:
    """For a pod with several containers, whose logs have no names here, only the pod is given."""
    host.pod(f"default_web_{UID}", "nginx", "istio-init")
    assert host.containers.name(SYSTEMD) == "default/web"


def test_docker(host: FakeHost) -> None:
    """A Docker container has the name that `docker ps` shows."""
    host.docker(A, json.dumps({"ID": A, "Name": "/edge-proxy", "Config": {}}))
    assert host.containers.name(DOCKER_SCOPE) == "container:edge-proxy"


@pytest.mark.parametrize("file", ["containers.json", "volatile-containers.json"])
def test_podman(host: FakeHost, file: str) -> None:
    """So does a Podman container, whether or not its storage outlives a boot."""
    host.podman(json.dumps([{"id": B, "names": ["other"]}, {"id": A, "names": ["web", "x"]}]), file)
    assert host.containers.name(PODMAN_SCOPE) == "container:web"


def test_nothing_to_be_had(host: FakeHost) -> None:
    """If there are no files, there is no name, and the id stays."""
    for path in (SYSTEMD, DOCKER_SCOPE, PODMAN_SCOPE, "/system.slice/nginx.service", "/"):
        assert host.containers.name(path) == ""


def test_comes_later(host: FakeHost) -> None:
    """A missing name is looked up again after half a minute; a known one is kept."""
    assert host.containers.name(SYSTEMD) == ""
    host.log(f"web_default_nginx-{A}.log")
    host.clock.advance(29)
    assert host.containers.name(SYSTEMD) == ""
    host.clock.advance(1)
    assert host.containers.name(SYSTEMD) == "default/web/nginx"
    (host.root / CONTAINER_LOGS / f"web_default_nginx-{A}.log").unlink()
    host.clock.advance(200)
    assert host.containers.name(SYSTEMD) == "default/web/nginx"
    host.clock.advance(100)
    assert host.containers.name(SYSTEMD) == ""


@pytest.mark.parametrize(
    "name",
    [
        f"web_default_ngi\nnx-{A}.log",
        f"web_default_\x1b[31m-{A}.log",
        f"web_default_nginx-{A[:-1]}.log",
        f"web_default_nginx-{A}.log.gz",
        f"a_b_c_d-{A}.log",
        f"WEB_default_nginx-{A}.log",
        f"web_-default_nginx-{A}.log",
    ],
)
def test_no_name_of_kubernetes(host: FakeHost, name: str) -> None:
    """A file whose name is not a valid Kubernetes name gives nothing."""
    host.log(name)
    assert host.containers.name(SYSTEMD) == ""


@pytest.mark.parametrize("folder", [f"a_b_c_{UID}", f"a_\x1b_{UID}", f"a_b_{UID}0", f"_b_{UID}"])
def test_no_pod(host: FakeHost, folder: str) -> None:
    """Nor does such a folder."""
    host.pod(folder, "nginx")
    assert host.containers.name(SYSTEMD) == ""


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "7", '{"Name": 7}', '{"Name": ""}', '{"Name": "/"}', "[" * 100_000),
        *('{"Name": "/a\\u001b[31m"}', '{"Name": "/a b"}', '{"Name": "/' + "a" * 300 + '"}'),
    ],
)
def test_damaged_state(host: FakeHost, content: str) -> None:
    """Runtime files that make no sense, or are hostile, give nothing."""
    host.docker(A, content)
    host.podman(content)
    assert host.containers.name(DOCKER_SCOPE) == host.containers.name(PODMAN_SCOPE) == ""


def test_bounds(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file nor a folder that is too long is read to its end."""
    host.docker(A, json.dumps({"Name": "/web", "x": "y" * module.MAX_FILE}))
    assert host.containers.name(DOCKER_SCOPE) == ""
    monkeypatch.setattr(module, "MAX_FOLDERS", 0)
    host.log(f"web_default_nginx-{A}.log")
    assert host.containers.name(SYSTEMD) == ""


def test_many_containers(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of names kept is bounded."""
    monkeypatch.setattr(module, "MAX_KNOWN", 10)
    for number in range(50):
        host.containers.name(f"/docker/{number:064x}")
        assert len(host.containers._names) <= 10  # noqa: SLF001 - nothing else shows it


def test_longest_name(host: FakeHost) -> None:
    """Pods may have names of 253 characters; a label has 200 in total."""
    host.pod(f"{'b' * 20}_{'a' * 190}_{UID}", "nginx")
    name = host.containers.name(SYSTEMD)
    assert len(name) == MAX_NAME
    assert name.startswith("b" * 20 + "/" + "a" * 170)


@pytest.mark.usefixtures("netns")
def test_real_socket(host: FakeHost, tmp_path: Path) -> None:
    """The kernel's dump leads from a real socket in a pod's cgroup to the pod and its process."""
    host.log(f"web-7d9c-x2x4_default_nginx-{A}.log")
    with cgroup_tree(tmp_path / "fake") as tree:
        cgroup = tree.root / "kubepods" / f"pod{UID}" / A
        cgroup.mkdir(parents=True)
        with socket_holder(cgroup):
            namespace = Namespace()
            (socket,) = namespace.bound_sockets()
            namespace.close()
            owners = Owners(Cgroups(tree.procfs), None, containers=host.containers)
            assert owners.owner(socket.owner_id) == Owner("default/web-7d9c-x2x4/nginx", "")


KEYS = st.sampled_from(["id", "names", "Name"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=10,
)


@given(JSON)
def test_any_state(content: Any) -> None:
    """Whatever the files hold, the result is a name that is safe in a shell, or nothing."""
    names = [docker_name(content), *(name for _id, name in podman_names(content))]
    assert all(name.isprintable() and " " not in name for name in names)


@given(st.text("/-_.:podkubes0123456789abcdef", max_size=200) | st.text())
def test_any_path(path: str) -> None:
    """Any cgroup name gives a container with a full id, or none."""
    place = container_place(path)
    assert place is None or (len(place.container_id) == 64 and place.container_id in path)
