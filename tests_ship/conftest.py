"""What the tests share, made once: packages, the image, Debian systems with the exporter."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests_ship.commands import output
from tests_ship.containers import Engine
from tests_ship.machine import Machine, Root, booted, unpack_root
from tests_ship.places import DEPLOY, ROOT

UNITS = "/etc/systemd/system"


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the source distribution and the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    output(ROOT / ".ci" / "dist", folder)
    return folder


@pytest.fixture(scope="session")
def wheel(packages: Path) -> Path:
    (path,) = packages.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def system_packages(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the .deb, the .rpm and the wheel they contain."""
    folder = tmp_path_factory.mktemp("system-packages")
    (wheel,) = packages.glob("*.whl")
    shutil.copy(wheel, folder)
    output(ROOT / ".ci" / "packages", folder)
    return folder


@pytest.fixture(scope="session")
def deb(system_packages: Path) -> Path:
    (path,) = system_packages.glob("*.deb")
    return path


@pytest.fixture(scope="session")
def rpm(system_packages: Path) -> Path:
    (path,) = system_packages.glob("*.rpm")
    return path


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Return an engine that has the exporter's image."""
    built = Engine(tmp_path_factory.mktemp("containers"))
    built.make_base()
    built.build_exporter()
    return built


@pytest.fixture(scope="session", params=["bookworm", "trixie"])
def root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Root:
    """Return a Debian with nothing of ours, for each release we support."""
    return unpack_root(request.param, tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="session")
def installed(root: Root, wheel: Path) -> Root:
    """Return the Debian after the installation that docs/deployment.md describes."""
    root.put(wheel, f"/root/{wheel.name}")
    pipx = ("env", "PIPX_HOME=/opt/pipx", "PIPX_BIN_DIR=/usr/local/bin", "pipx")
    root.run(*pipx, "install", f"/root/{wheel.name}")
    for unit in (DEPLOY / "systemd").glob("tcp-pressure-exporter*.[!e]*"):
        root.put(unit, f"{UNITS}/{unit.name}")
    root.put(DEPLOY / "systemd" / "drop-ins", "/root/drop-ins")
    environment = DEPLOY / "systemd" / "tcp-pressure-exporter.env"
    root.put(environment, "/etc/default/tcp-pressure-exporter")
    return root


@pytest.fixture(scope="session")
def machine(installed: Root, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Boot the Debian that has the exporter."""
    with booted(installed, tmp_path_factory.mktemp("console") / "log") as running:
        yield running
