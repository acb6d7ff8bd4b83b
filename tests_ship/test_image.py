"""The container image: as its Dockerfile makes it, without rights, and with a feature's rights."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.labs.network_namespace import network_namespace
from tests_ship.commands import output, wait_until
from tests_ship.containers import BASE, Engine
from tests_ship.places import IMAGE, PORT, ROOT, VERSION

CONFINED = ("--network=host", "--cgroupns=host", "--read-only", "--cap-drop=all")
AS_ROOT = (*CONFINED, "--user=0", "--pid=host")
DEFAULT_PROFILE = Path("/usr/share/containers/seccomp.json")  # podman's
MOST_BYTES = 70e6  # over its base
LISTENERS = """
import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(60)]
print("listening", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def apart(engine: Engine) -> Iterator[Engine]:
    """Replace the host's network with one where the default port is free."""
    with network_namespace():
        yield engine


@contextmanager
def exporter(engine: Engine, options: tuple[str, ...], *flags: str) -> Iterator[str]:
    """Run the image with podman's options and the exporter's flags; yield its name."""
    with engine.running("exporter", *options, IMAGE, *flags) as name:
        wait_until(is_ready, "the first sample")
        yield name


def is_ready() -> bool:
    try:
        return bool(page("/-/ready"))
    except OSError:
        return False


def page(path: str = "/metrics") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def status(engine: Engine, name: str) -> dict[str, str]:
    """Return /proc/1/status of the container."""
    lines = engine.podman("exec", name, "cat", "/proc/1/status").splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def health_check(engine: Engine) -> list[str]:
    test: list[str] = engine.inspect("image", IMAGE)["Healthcheck"]["Test"]
    assert test[0] == "CMD"
    return test[1:]


@contextmanager
def busy_namespace(name: str) -> Iterator[None]:
    """Make a named network namespace with sockets, like a container's."""
    output("ip", "netns", "add", name)
    try:
        command = ("ip", "netns", "exec", name, "python3", "-c", LISTENERS)
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
            assert process.stdout
            assert process.stdout.readline()
            yield
    finally:
        output("ip", "netns", "delete", name)


def test_hadolint_accepts_the_dockerfile() -> None:
    """The Dockerfile linter has no complaint."""
    assert output(ROOT / ".venv" / "bin" / "hadolint", ROOT / "Dockerfile") == ""


def test_the_image_describes_itself(engine: Engine) -> None:
    """It has the OCI's labels, a user without a name and a health check."""
    config = engine.inspect("image", IMAGE)["Config"]
    prefix = "org.opencontainers.image."
    labels = {key.removeprefix(prefix): value for key, value in config["Labels"].items()}
    assert labels["version"] == VERSION
    assert labels["licenses"] == "Apache-2.0"
    assert labels["base.name"] == BASE
    assert {"title", "description", "revision"} <= set(labels)
    assert config["User"] == "65532:65532"
    assert health_check(engine)
    assert config["Entrypoint"] == ["tcp-pressure-exporter"]


def test_the_image_is_small(engine: Engine) -> None:
    """It adds only Python and the exporter to its base."""
    sizes = [engine.inspect("image", name)["Size"] for name in (IMAGE, BASE)]
    print(f"image {sizes[0] / 1e6:.0f} MB, base {sizes[1] / 1e6:.0f} MB")  # noqa: T201 - for -s
    assert sizes[0] - sizes[1] < MOST_BYTES


@pytest.mark.parametrize("program", ["gcc", "pip", "pip3"])
def test_what_built_it_is_not_in_it(engine: Engine, program: str) -> None:
    """Neither a compiler nor an installer is left for an intruder."""
    find = f"! command -v {program}"
    engine.podman("run", "--rm", *CONFINED, "--entrypoint=/bin/sh", IMAGE, "-c", find)


def test_without_rights(apart: Engine) -> None:
    """As an unprivileged user without a capability, on a read-only root, it shows the host."""
    with exporter(apart, CONFINED) as name:
        metrics = page()
        assert "<h1" in page("/docs/deployment.md")
        of_process = status(apart, name)
    assert of_process["Uid"].split() == ["65532"] * 4
    assert {int(of_process[f"Cap{kind}"], 16) for kind in ("Prm", "Eff", "Bnd", "Amb")} == {0}
    assert 'parser="compiled"' in metrics
    for collector in ("sockets", "pools", "close_wait", "listen_queues", "limits"):
        assert f'collector_success{{collector="{collector}",netns="host"}} 1.0' in metrics


def test_it_writes_nothing(apart: Engine) -> None:
    """Even if its root is writable it changes no file; podman writes to /etc and /run."""
    options = tuple(option for option in CONFINED if option != "--read-only")
    with exporter(apart, options) as name:
        page()
        changed = {line.split()[1] for line in apart.podman("diff", name).splitlines()}
    assert {path for path in changed if path.split("/")[1] not in {"etc", "run"}} == set()


def test_its_check_of_health(apart: Engine) -> None:
    """The image's own check passes if the exporter answers, and fails if nothing does."""
    check = health_check(apart)
    with exporter(apart, CONFINED) as name:
        apart.podman("exec", name, *check)
    with pytest.raises(AssertionError):
        apart.podman("run", "--rm", *CONFINED, f"--entrypoint={check[0]}", IMAGE, *check[1:])


def test_a_signal_ends_it(apart: Engine) -> None:
    """`docker stop` ends it within 2 s, with exit code 0."""
    with exporter(apart, CONFINED) as name:
        apart.podman("stop", "--time=2", name)
        assert apart.inspect("container", name)["State"]["ExitCode"] == 0


def test_process_names(apart: Engine) -> None:
    """Process names take two capabilities and the host's processes."""
    with exporter(apart, AS_ROOT) as name:
        assert "process names are off" in apart.podman("logs", name)
    rights = ("--cap-add=SYS_PTRACE", "--cap-add=DAC_READ_SEARCH")
    with exporter(apart, (*AS_ROOT, *rights)) as name:
        assert "process names are off" not in apart.podman("logs", name)


def test_nat(apart: Engine) -> None:
    """The ports of a NAT gateway take one capability."""
    with exporter(apart, (*AS_ROOT, "--cap-add=NET_ADMIN")):
        assert 'collector_success{collector="nat",netns="host"} 1.0' in page()


def test_bpf(apart: Engine, tmp_path: Path) -> None:
    """BPF takes two capabilities, and a system call filter that respects them."""
    rights = ("--cap-add=BPF", "--cap-add=PERFMON")
    profile = tmp_path / "seccomp.json"
    profile.write_text(json.dumps(with_bpf(json.loads(DEFAULT_PROFILE.read_text()))))
    filtered = f"--security-opt=seccomp={profile}"
    with exporter(apart, (*AS_ROOT, *rights, filtered)) as name:
        assert 'collector_success{collector="failures",netns="host"} 1.0' in page()
        assert "privileges to load BPF programs" not in apart.podman("logs", name)


def with_bpf(profile: dict[str, Any]) -> dict[str, Any]:
    """Change podman's default profile as docs/deployment.md does with jq."""
    for rule in profile["syscalls"]:
        rule["names"] = [name for name in rule["names"] if name != "bpf"]
    includes = {"caps": ["CAP_BPF"]}
    added = {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": includes}
    return {**profile, "syscalls": [*profile["syscalls"], added]}


def test_other_namespaces(apart: Engine) -> None:
    """Other namespaces take two capabilities, the host's processes and /run/netns."""
    rights = ("--cap-add=SYS_ADMIN", "--cap-add=SYS_PTRACE")
    names = "--volume=/run/netns:/run/netns:ro,rslave"
    flags = ("--collector.netns", "--netns.include=ship-test")
    with busy_namespace("ship-test"), exporter(apart, (*AS_ROOT, *rights, names), *flags):
        assert 'collector_success{collector="pools",netns="ship-test"} 1.0' in page()
