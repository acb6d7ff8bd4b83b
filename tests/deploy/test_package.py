"""The Python package: what a build needs is declared, for a missing part would go unnoticed."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.support.places import ROOT

OWN_INCLUDE = re.compile(r'^#include "(.+)"', re.MULTILINE)


def test_extension_declares_its_sources() -> None:
    """The extension is built of every unit, and the source distribution holds all they include.

    Without one the build would fail, and, being optional, leave the readable parser alone.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (extension,) = project["tool"]["setuptools"]["ext-modules"]
    units = set((ROOT / "src").rglob("*.c"))
    headers = {header for unit in units for header in included(unit)}
    assert headers
    assert set(extension["sources"]) == {str(unit.relative_to(ROOT)) for unit in units}
    assert set(extension["depends"]) == {str(header.relative_to(ROOT)) for header in headers}


def included(path: Path) -> Iterator[Path]:
    """Yield the project's headers that a C file includes, and those that they include."""
    for name in OWN_INCLUDE.findall(path.read_text()):
        header = (path.parent / name).resolve()
        yield header
        yield from included(header)


def test_package_declares_the_files_of_the_status_page() -> None:
    """Each template and each file that the page loads is installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    package = ROOT / "src" / "tcp_pressure_exporter"
    patterns = project["tool"]["setuptools"]["package-data"]["tcp_pressure_exporter"]
    declared = {path for pattern in patterns for path in package.glob(pattern)}
    needed = {
        *package.glob("pages/status/templates/**/*"),
        *package.glob("pages/status/static/**/*"),
    }
    assert len(needed) >= 8
    assert needed <= declared
