import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.sources.netns.discovery import (
    namespace_label,
    pod_or_container,
    unique_label,
)

# The ids of real containers and pods, in the shapes that the given sources show.
A = "0e768f8db752fcd648adb264498daa1d8f31562320e881d6a9ec593d24b1f779"
B = "d6701ec289c56e4391acb11d07474b3139466857a305490575508a8b7a9fcf22"
UID = "03f3f104-3215-44f2-9686-d4dd1f05a7ed"
SLICE = f"kubepods-burstable-pod{UID.replace('-', '_')}.slice"
QOS = "/kubepods.slice/kubepods-burstable.slice"
SAFE = re.compile(r"[A-Za-z0-9._-]{1,63}|ns:[0-9]{1,10}")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f"{QOS}/{SLICE}/cri-containerd-{A}.scope", id="netdata-4868-containerd"),
        pytest.param(f"{QOS}/{SLICE}/crio-{A}.scope/container", id="podman-6400-crun-subgroup"),
        pytest.param(f"/kubepods/burstable/pod{UID}/{A}", id="kubernetes-cgroupfs-driver"),
        pytest.param(
            f"/system.slice/containerd.service/{SLICE}:cri-containerd:{A}",
            id="containerd-5152-drivers-disagree",
        ),
        pytest.param(
            f"/docker/{B}/kubepods.slice/{SLICE}/crio-{A}.scope", id="minikube-11280-nested"
        ),
        pytest.param(f"/../../{SLICE}/crio-{A}.scope", id="cgroup_namespaces(7)"),
        pytest.param(
            f"{QOS}/{SLICE}/cri-containerd-{A}.scope/system.slice/nginx.service",
            id="systemd-in-a-container",
        ),
        pytest.param(f"{QOS}/{SLICE}", id="the-pod-itself"),
    ],
)
def test_pod(path: str) -> None:
    """All containers of a pod share its namespace: its label is the uid that Kubernetes shows."""
    assert pod_or_container(f"0::{path}\n") == UID


def test_static_pod() -> None:
    """The uid of a static pod is a hash without dashes."""
    uid = "1c7c2d4f5b9a4a0c8e3fd5b7a1902e66"
    assert pod_or_container(f"0::/kubepods/burstable/pod{uid}/{A}\n") == uid


@pytest.mark.parametrize(
    ("path", "label"),
    [
        (f"/system.slice/docker-{A}.scope", "0e768f8db752"),
        (f"/machine.slice/libpod-{A}.scope/container", "0e768f8db752"),
        (f"{QOS}/{SLICE}/cri-containerd-{B}.scope/docker/{A}", "0e768f8db752"),
        ("/lxc.payload.focal/system.slice/avahi-daemon.service", "focal"),
        ("/machine.slice/machine-rawhidex.scope/payload", "rawhidex"),
    ],
)
def test_container(path: str, label: str) -> None:
    """Outside pods, and for a container inside a pod's container, the container counts."""
    assert pod_or_container(f"0::{path}\n") == label


@pytest.mark.parametrize(
    "cgroup",
    [
        "",
        "\n",
        "0::/\n",
        "0::/system.slice/nginx.service\n",
        "0::/user.slice/user-1000.slice/session-2.scope\n",
        f"0::/tripod{UID}/x\n",
        f"0::/kubepods/pod{UID}x/y\n",
        f"1:name={A}\n",
    ],
)
def test_neither(cgroup: str) -> None:
    """A process in no container has no label from its cgroup."""
    assert pod_or_container(cgroup) == ""


def test_hybrid() -> None:
    """If cgroup2 names nothing, any cgroup1 hierarchy that names a container counts."""
    lines = ["9:name=systemd:/", f"4:memory:/docker/{A}", f"3:cpu,cpuacct:/docker/{B}", "0::/"]
    assert pod_or_container("\n".join(lines)) == "0e768f8db752"


def test_cgroup2_first() -> None:
    """The line of cgroup2 comes before all others, wherever it is."""
    lines = [f"4:memory:/docker/{B}", f"0::/docker/{A}", ""]
    assert pod_or_container("\n".join(lines)) == "0e768f8db752"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("blue", "blue"),
        ("cni-1f6ad4a5-64b8-4f0c-8f6e-27d6d0e5e4b1", "cni-1f6ad4a5-64b8-4f0c-8f6e-27d6d0e5e4b1"),
        ('a "b"\n{c}\\', "a__b___c__"),
        ("ns:7", "ns_7"),
        ("é€\udcff\x00", "____"),
        ("x" * 255, "x" * 63),
        ("..", ".."),
    ],
)
def test_name(name: str, label: str) -> None:
    """The name is preferred to the container; characters not safe in a label become "_"."""
    assert namespace_label(name, f"0::/docker/{A}\n", 7) == label


def test_without_a_name() -> None:
    """Without a name the label is the container's, made safe, or else the inode."""
    assert namespace_label("", f"0::/docker/{A}\n", 7) == "0e768f8db752"
    assert namespace_label("", "0::/lxc.payload.a b\n", 7) == "a_b"
    assert namespace_label("", "0::/\n", 4026532281) == "ns:4026532281"


@given(
    st.text(), st.text(st.sampled_from("0:/\n-podcker") | st.characters()), st.integers(1, 2**32)
)
def test_any_text(name: str, cgroup: str, inode: int) -> None:
    """Whatever the name and the cgroup hold, the label is short and safe."""
    assert SAFE.fullmatch(namespace_label(name, cgroup, inode))


def test_unique() -> None:
    """A label that another namespace has gets the inode appended, and stays short."""
    assert unique_label("host", 4026532281, {"blue"}) == "host"
    assert unique_label("host", 4026532281, {"host"}) == "host:4026532281"
    assert unique_label("x" * 63, 4026532281, {"x" * 63}) == "x" * 52 + ":4026532281"


@given(st.lists(st.text(st.sampled_from("ns:1_"), min_size=1, max_size=3) | st.just("y" * 63)))
def test_never_the_same(names: list[str]) -> None:
    """Whatever their names, no two namespaces share a label."""
    taken = {"host"}
    for inode, name in enumerate(names):
        label = unique_label(namespace_label(name, "", inode), inode, taken)
        assert label not in taken
        taken.add(label)
