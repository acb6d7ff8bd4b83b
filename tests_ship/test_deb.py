"""The Debian package, in a clean Debian 12 and 13: installed, run, upgraded, removed, purged."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests_ship.commands import output, wait_until
from tests_ship.machine import Machine, Root, booted, unpack_root
from tests_ship.places import DEPENDENCIES, PORT, PROGRAMS, VERSION

NAME = "tcp-pressure-exporter"
UNIT = f"{NAME}.service"
METRICS = f"http://127.0.0.1:{PORT}/metrics"
CONFIGURATION = f"/etc/default/{NAME}"
LIBRARIES = f"/usr/lib/{NAME}"
# Debian's own build would strip and unbundle what comes from the package index.
KNOWN = {"unstripped-binary-or-object", "embedded-library"}
LEFT = f"find /etc /usr /var -name '*{NAME}*' -not -path '/var/log/*' -not -path '/var/cache/*'"


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def debian(
    request: pytest.FixtureRequest, deb: Path, tmp_path_factory: pytest.TempPathFactory
) -> Root:
    """Return a Debian on which apt has installed the package, with nothing of ours before."""
    root = unpack_root(request.param, tmp_path_factory.mktemp("deb"))
    root.put(deb, "/root/first.deb")
    root.put(next_version(deb, tmp_path_factory.mktemp("next")), "/root/next.deb")
    root.run("apt-get", "install", "--yes", "--no-install-recommends", "/root/first.deb")
    return root


def next_version(deb: Path, folder: Path) -> Path:
    """Return the same package with the next version."""
    content, target = folder / "content", folder / "next.deb"
    output("dpkg-deb", "--raw-extract", deb, content)
    control = content / "DEBIAN" / "control"
    control.write_text(control.read_text().replace(f"{VERSION}-1\n", f"{VERSION}-2\n"))
    output("dpkg-deb", "--root-owner-group", "--build", content, target)
    return target


@pytest.fixture(scope="module")
def host(debian: Root, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Boot it."""
    with booted(debian, tmp_path_factory.mktemp("console") / "log") as running:
        yield running


def test_lintian(deb: Path) -> None:
    """Debian's own package check finds no errors beyond those that bundling libraries brings."""
    found = output("sh", "-c", 'lintian --allow-root "$1" 2>/dev/null || true', "sh", deb)
    errors = set(re.findall(r"^E: \S+: (\S+)", found, re.MULTILINE))
    assert errors <= KNOWN, found


def test_it_starts_with_the_host(host: Machine) -> None:
    """It was installed before the host ran: it is enabled, and has served since the boot."""
    wait_until(lambda: host.show(UNIT, "ActiveState") == "active", "the exporter")
    assert host.systemctl("is-enabled", UNIT).strip() == "enabled"
    page = host.get(METRICS)
    assert 'parser="compiled"' in page
    assert f'version="{VERSION}"' in page


def test_it_has_no_rights(host: Machine) -> None:
    """It runs as a user that exists only as long as it runs, with no capability."""
    status = host.run("cat", f"/proc/{host.show(UNIT, 'MainPID')}/status")
    uids = status.split("Uid:")[1].split()[:4]
    assert all(int(uid) > 60000 for uid in uids)  # systemd's range for dynamic users
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)


def test_its_own_libraries(host: Machine) -> None:
    """It uses nothing from Debian's Python packages or the environment, and is compiled."""
    script = "PYTHONPATH=/nonexistent python3 -I -c 'import sys; print(sys.version_info[1])'"
    minor = host.run("sh", "-c", script).strip()
    assert f"{VERSION} (Python 3.{minor}" in host.run(NAME, "--version")
    compiled = host.run("find", f"{LIBRARIES}/h11", "-name", f"*.cpython-3{minor}.pyc")
    assert f"{LIBRARIES}/h11/__pycache__/_events.cpython-3{minor}.pyc" in compiled
    assert "tcp_pressure_sockets{" in host.run(NAME, "--once")


def test_it_brings_every_library(host: Machine) -> None:
    """It has what pyproject.toml requires; one of these turns the documents into pages."""
    assert packed_libraries(host.run("ls", LIBRARIES)) >= DEPENDENCIES
    assert "<h1" in host.get(METRICS.replace("/metrics", "/docs/deployment.md"))


def packed_libraries(listing: str) -> set[str]:
    """Return the distributions among the names in a folder."""
    return set(re.findall(r"^(\S+)-[\d.]+\.dist-info$", listing.lower(), re.MULTILINE))


def test_what_prometheus_needs(debian: Root) -> None:
    """It has rules and an example configuration, valid where the package puts them."""
    example = debian.path / "usr" / "share" / NAME / "prometheus.yml"
    assert "10 rule files found" in output(PROGRAMS / "promtool", "check", "config", example)


def test_an_upgrade_keeps_the_configuration(host: Machine) -> None:
    """What the administrator set is kept, and the new version runs with it."""
    flags = "--web.telemetry-path=/other"
    host.run("sh", "-c", f"echo 'OPTIONS=\"{flags}\"' >{CONFIGURATION}")
    before = host.show(UNIT, "MainPID")
    host.run("dpkg", "--install", "/root/next.deb")
    assert host.show(UNIT, "MainPID") not in {before, "0"}
    assert host.get(METRICS.replace("/metrics", "/other"))
    assert flags in host.run("cat", CONFIGURATION)


def test_an_upgrade_keeps_it_disabled(host: Machine) -> None:
    """What the administrator switched off stays off."""
    host.systemctl("disable", "--now", UNIT)
    host.run("dpkg", "--install", "/root/first.deb")
    assert host.run("sh", "-c", f"systemctl is-enabled {UNIT} || true").strip() == "disabled"
    host.systemctl("enable", "--now", UNIT)


def test_remove_and_purge(host: Machine) -> None:
    """Removed, it is stopped and only its configuration stays; purged, nothing is left."""
    host.run("dpkg", "--remove", NAME)
    assert host.show(UNIT, "ActiveState") == "inactive"
    assert host.run("sh", "-c", f"test -e {LIBRARIES} || echo gone").strip() == "gone"
    assert "--web.telemetry-path=/other" in host.run("cat", CONFIGURATION)
    host.run("dpkg", "--purge", NAME)
    assert host.run("sh", "-c", LEFT) == ""
