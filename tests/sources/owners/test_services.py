import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.sources.owners.cgroups import service_name

# The ids of real containers, in the shapes that the given sources show.
A = "0e768f8db752fcd648adb264498daa1d8f31562320e881d6a9ec593d24b1f779"
B = "d6701ec289c56e4391acb11d07474b3139466857a305490575508a8b7a9fcf22"
POD = "kubepods-burstable-pod03f3f104_3215_44f2_9686_d4dd1f05a7ed.slice"
QOS = "/kubepods.slice/kubepods-burstable.slice"
USER = "/user.slice/user-1000.slice/user@1000.service"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f"/system.slice/docker-{A}.scope", id="docker-docs-runmetrics-systemd"),
        pytest.param(f"/docker/{A}", id="docker-docs-runmetrics-cgroupfs"),
        pytest.param(f"{USER}/user.slice/docker-{A}.scope", id="docker-docs-14545-rootless"),
        pytest.param(f"{QOS}/{POD}/docker-{A}.scope", id="pharos-cluster-440-kubernetes-docker"),
        pytest.param(f"{QOS}/{POD}/cri-containerd-{A}.scope", id="netdata-4868-containerd"),
        pytest.param(
            f"/kubepods/burstable/pod03f3f104-3215-44f2-9686-d4dd1f05a7ed/{A}",
            id="kubernetes-cgroupfs-driver",
        ),
        pytest.param(
            f"/system.slice/containerd.service/{POD}:cri-containerd:{A}",
            id="containerd-5152-drivers-disagree",
        ),
        pytest.param(f"{QOS}/{POD}/crio-{A}.scope", id="containerd-nri-227-cri-o-openshift"),
        pytest.param(f"{QOS}/{POD}/crio-{A}", id="cri-o-812-cgroupfs"),
        pytest.param(
            f"/docker/{B}/kubepods.slice/{POD}/crio-{A}.scope", id="minikube-11280-nested"
        ),
        pytest.param(f"/machine.slice/libpod-{A}.scope/container", id="podman-6400-crun-subgroup"),
        pytest.param(f"{USER}/user.slice/libpod-{A}.scope/container", id="podman-4639-rootless"),
        pytest.param(f"/libpod_parent/libpod-{A}", id="podman-7004-cgroupfs"),
        pytest.param(f"/system.slice/nerdctl-{A}.scope", id="falcosecurity-plugins-1378-nerdctl"),
        pytest.param(f"/docker/{A}/system.slice/nginx.service", id="systemd-in-a-container"),
    ],
)
def test_container_with_id(path: str) -> None:
    """A container of an OCI runtime is shown by the first 12 digits of its id, as by docker ps."""
    assert service_name(path) == "container:0e768f8db752"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        pytest.param(
            "/lxc.payload.focal/system.slice/avahi-daemon.service", "focal", id="needrestart-238"
        ),
        pytest.param("/lxc.payload/c1", "c1", id="lxc-2606-lxc-3.1"),
        pytest.param(f"{USER}/lxc.payload.c1", "c1", id="lxc-2606-delegated"),
        pytest.param("/lxc/x1/system.slice/snapd.service", "x1", id="sysdig-801-lxd"),
        pytest.param("/lxc/101/ns/init.scope", "101", id="netdata-1949-proxmox"),
        pytest.param(
            "/machine.slice/systemd-nspawn@debian.service/payload/system.slice/nginx.service",
            "debian",
            id="systemd-nspawn(1)-template-unit",
        ),
        pytest.param(
            "/machine.slice/machine-rawhidex.scope/payload", "rawhidex", id="systemd-18104"
        ),
        pytest.param(
            r"/machine.slice/machine-TEST\x2d13.scope", r"TEST\x2d13", id="systemd-38440-escaped"
        ),
        pytest.param(
            r"/machine.slice/machine-lxc\x2d1\x2dweb.scope",
            r"lxc\x2d1\x2dweb",
            id="libvirt-cgroups-lxc",
        ),
    ],
)
def test_container_with_name(path: str, name: str) -> None:
    """A container of LXC or systemd-machined has a name, and systemd's escapes stay in it."""
    assert service_name(path) == f"container:{name}"


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        # systemd's own examples: src/test/test-cgroup-util.c
        ("/system.slice/foobar.service/sdfdsaf", "foobar.service"),
        ("/system.slice/getty@tty5.service/aaa/bbb", "getty@tty5.service"),
        ("/system.slice/system-waldo.slice/foobar.service/sdfdsaf", "foobar.service"),
        ("/user.slice/user-1000.slice/user@1000.service/server.service", "server.service"),
        ("/user.slice/user-1000.slice/session-2.scope/waldo.slice/foobar.service",
         "foobar.service"),
        ("/user.slice/user-1000.slice/session-2.scope", "session-2.scope"),
        ("/init.scope", "init.scope"),
        # systemd.unit(5): the other types that have processes, and an escaped name
        ("/system.slice/ssh.socket", "ssh.socket"),
        (r"/system.slice/mnt-my\x2ddisk.mount", r"mnt-my\x2ddisk.mount"),
        ("/system.slice/dev-sda2.swap", "dev-sda2.swap"),
        # libvirt.org/cgroups.html: a virtual machine
        (r"/machine.slice/machine-qemu\x2d1\x2dvm1.scope/libvirt/emulator",
         r"machine-qemu\x2d1\x2dvm1.scope"),
    ],
)  # fmt: skip
def test_unit(path: str, unit: str) -> None:
    """Outside containers the innermost unit is the service; a slice is not one."""
    assert service_name(path) == unit


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", ""),
        ("", ""),
        ("/user.slice", "user.slice"),
        ("/foo.slice/foo-bar.slice", "foo.slice/foo-bar.slice"),
        ("/lxc.monitor.focal", "lxc.monitor.focal"),
        ("/lxc", "lxc"),
        ("/.service", ".service"),
        (f"/docker/{A[:-1]}", f"docker/{A[:-1]}"[-63:]),
        (f"/x/{A}0", f"x/{A}0"[-63:]),
    ],
)
def test_neither(path: str, name: str) -> None:
    """A path without a container or a unit is its own name."""
    assert service_name(path) == name


def test_monitor_is_no_container() -> None:
    """The scope of a container's monitor is not its container: it holds none of its sockets."""
    name = service_name(f"{QOS}/{POD}/crio-conmon-{A}.scope")  # opencontainers/runc issue 4620
    assert name == f"crio-conmon-{A}.scope"[:63]


def test_length() -> None:
    """Hostile names are cut to 63 characters: a name keeps its beginning, a path its end."""
    assert service_name(f"/system.slice/{'a' * 200}.service/x") == "a" * 63
    assert service_name(f"/lxc/{'n' * 255}") == "container:" + "n" * 53
    assert service_name("/" + "a" * 200 + "/tail") == "a" * 58 + "/tail"


@given(st.text(st.sampled_from("/.-:ab0@\\\n\udcff") | st.characters(), max_size=120))
def test_any_path(path: str) -> None:
    """Whatever a path holds, the name is short, and part of the path."""
    name = service_name(path)
    assert len(name) <= 63
    assert name.removeprefix("container:") in path


@given(st.lists(st.text("abc.@:\\-", min_size=1, max_size=12), max_size=6))
def test_unit_is_innermost(parts: list[str]) -> None:
    """A unit at the end of any path without containers is its service."""
    assert service_name("/".join(["", *parts, "web.service"])) == "web.service"
