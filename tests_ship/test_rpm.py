"""The RPM package, as far as Debian's rpm can check it: no RPM distribution is at hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests_ship.commands import output
from tests_ship.machine import Root, unpack_root
from tests_ship.places import DEPENDENCIES, VERSION
from tests_ship.test_deb import LIBRARIES, packed_libraries

NAME = "tcp-pressure-exporter"


@pytest.fixture(scope="module")
def root(rpm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    """Return a root with the package installed by rpm, whose database lacks its Python."""
    root = unpack_root("trixie", tmp_path_factory.mktemp("rpm"))
    output("rpm", "--root", root.path, "--initdb")
    output("rpm", "--root", root.path, "--install", "--nodeps", "--noverify", rpm)
    yield root
    output("rpm", "--root", root.path, "--erase", NAME)
    assert root.run("find", "/usr", "/etc", "-name", f"*{NAME}*") == ""


def test_digests(rpm: Path) -> None:
    """Each digest in the package matches its content; a signature is added at release."""
    assert output("rpm", "--checksig", rpm).strip().endswith("digests OK")


def test_what_it_says(rpm: Path) -> None:
    """It states its version, its licence and the Pythons it has libraries for."""
    query = "%{VERSION}-%{RELEASE} %{LICENSE} %{ARCH}"
    assert output("rpm", "--query", "--queryformat", query, "--package", rpm) == (
        f"{VERSION}-1 Apache-2.0 x86_64"
    )
    requires = output("rpm", "--query", "--requires", "--package", rpm).splitlines()
    assert {"python3 >= 3.11", "python3 < 3.15"} <= set(requires)


def test_configuration_is_kept(rpm: Path) -> None:
    """An upgrade does not replace the file of flags."""
    flags = "[%{FILENAMES} %{FILEFLAGS:fflags}\n]"
    files = output("rpm", "--query", "--queryformat", flags, "--package", rpm).splitlines()
    assert f"/etc/default/{NAME} cn" in files  # configuration, noreplace


def test_it_runs(root: Root) -> None:
    """What rpm unpacked is as the package says, and runs there."""
    output("rpm", "--root", root.path, "--verify", "--nodeps", NAME)
    assert VERSION in root.run(NAME, "--version")
    assert 'parser="compiled"' in root.run(NAME, "--once")
    assert packed_libraries(root.run("ls", LIBRARIES)) >= DEPENDENCIES
