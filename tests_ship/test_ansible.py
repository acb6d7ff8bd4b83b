"""The example Ansible playbook: checked, and played on a Debian 13 with systemd."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests_ship.commands import output
from tests_ship.machine import Machine, Root, booted, unpack_root
from tests_ship.places import DEPLOY, PORT, ROOT

BIN = ROOT / ".venv" / "bin"
FOLDER = DEPLOY / "ansible"
UNIT = "tcp-pressure-exporter.service"
HOST = {
    "ansible_connection": "local",
    "ansible_python_interpreter": "/usr/bin/python3",
    "tcp_pressure_exporter_package": "/root/exporter.deb",
    "tcp_pressure_exporter_flags": ["--netns.name=blue"],
    "tcp_pressure_exporter_config": {"pools": {"top": 5}},
    "tcp_pressure_exporter_drop_ins": ["nat"],
}
INVENTORY = {"tcp_pressure_exporter": {"hosts": {"localhost": HOST}}}
RECAP = re.compile(
    r"^localhost +: ok=\d+ +changed=(\d+) +unreachable=0 +failed=(\d+)", re.MULTILINE
)


def test_ansible_accepts_it() -> None:
    """Ansible reads the playbook and the inventory."""
    inventory, playbook = FOLDER / "inventory.yml", FOLDER / "playbook.yml"
    output(BIN / "ansible-playbook", "--syntax-check", "-i", inventory, playbook)


def test_ansible_lint() -> None:
    """It passes ansible-lint's strictest profile, without a warning."""
    environ = {"PATH": f"{BIN}:/usr/bin:/bin", "ANSIBLE_HOME": "/nonexistent"}
    flags = ("--offline", "--strict", "--profile=production")
    output(
        BIN / "ansible-lint", *flags, "playbook.yml", "inventory.yml", cwd=FOLDER, environ=environ
    )


@pytest.fixture(scope="module")
def host(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Boot a Debian that has Ansible, the playbook and the package, not yet installed."""
    root = unpack_root("trixie", tmp_path_factory.mktemp("ansible"))
    install_ansible(root)
    root.put(deb, "/root/exporter.deb")
    root.put(FOLDER / "playbook.yml", "/root/playbook.yml")
    (root.path / "root" / "inventory.yml").write_text(json.dumps(INVENTORY))
    with booted(root, tmp_path_factory.mktemp("console") / "log") as running:
        yield running


def install_ansible(root: Root) -> None:
    """Install the pinned version, and what its apt module needs."""
    (version,) = re.findall(
        r"^ansible-core==([\d.]+) ; python_full_version >= '3.12'$",
        (ROOT / "constraints.txt").read_text(),
        re.MULTILINE,
    )
    root.run("apt-get", "-q", "update")
    root.run("apt-get", "-qy", "install", "--no-install-recommends", "python3-apt")
    pipx = ("env", "PIPX_HOME=/opt/pipx", "PIPX_BIN_DIR=/usr/local/bin", "pipx")
    root.run(*pipx, "install", f"ansible-core=={version}")


def play(host: Machine, **extra: Any) -> int:
    """Play the playbook; return how many tasks changed something. AssertionError if it fails."""
    variables = json.dumps(extra)
    environ = ("env", "LC_ALL=C.UTF-8", "HOME=/root", "PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin")
    files = ("-i", "/root/inventory.yml", "/root/playbook.yml")
    said = host.run(*environ, "ansible-playbook", *files, "--extra-vars", variables)
    ((changed, failed),) = RECAP.findall(said)
    assert failed == "0", said
    return int(changed)


def test_first_play(host: Machine) -> None:
    """Afterwards the exporter runs, with the inventory's flags, file and rights."""
    assert play(host) > 0
    page = host.get(f"http://127.0.0.1:{PORT}/metrics")
    assert 'netns="blue"' in page
    assert host.systemctl("is-enabled", UNIT).strip() == "enabled"
    assert host.show(UNIT, "CapabilityBoundingSet") == "cap_net_admin"
    assert "top: 5" in host.run("cat", "/etc/tcp-pressure-exporter.yml")


def test_second_play(host: Machine) -> None:
    """Played again, it changes nothing and restarts nothing."""
    before = host.show(UNIT, "MainPID")
    assert play(host) == 0
    assert host.show(UNIT, "MainPID") == before


def test_another_configuration(host: Machine) -> None:
    """A change to the file is read without a restart; a right no longer listed is taken away."""
    before = host.show(UNIT, "MainPID")
    assert play(host, tcp_pressure_exporter_config={"pools": {"top": 6}}) > 0
    assert host.show(UNIT, "MainPID") == before
    assert "configuration reloaded" in host.log(UNIT)
    play(host, tcp_pressure_exporter_drop_ins=[])
    assert "cap_net_admin" not in host.show(UNIT, "CapabilityBoundingSet")


def test_a_bad_configuration(host: Machine) -> None:
    """A file that the exporter would refuse is not installed."""
    with pytest.raises(AssertionError, match="pools"):
        play(host, tcp_pressure_exporter_config={"pools": {"tpo": 6}})
    assert "tpo" not in host.run("cat", "/etc/tcp-pressure-exporter.yml")
