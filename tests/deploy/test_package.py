"""The Python package declares what a build needs, as a missing part would go unnoticed."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.places import ROOT

OWN_INCLUDE = re.compile(r'^#include "(.+)"', re.MULTILINE)


EXTENSIONS = ("sources/bpf/_bpf", "sources/counting/_tally")

PACKAGE = ROOT / "src/tcp_pressure_exporter"


@pytest.mark.parametrize("name", EXTENSIONS)
def test_extension_declares_its_sources(name: str) -> None:
    """An extension is built from every unit, and the source distribution has all they include.

    If one were missing, the build would fail and, being optional, leave the exporter without it.
    The sources of the BPF programs go with them.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extensions = project["tool"]["setuptools"]["ext-modules"]
    declared = {extension["name"].replace(".", "/"): extension for extension in extensions}
    assert set(declared) == {f"tcp_pressure_exporter/{known}" for known in EXTENSIONS}
    extension = declared[f"tcp_pressure_exporter/{name}"]
    folder = (PACKAGE / name).parent
    programs = set(folder.rglob("*.bpf.c"))
    # The counting extension counts what a BPF walk has found.
    walk = set((PACKAGE / "sources/bpf/walk").glob("*.c"))
    others = walk if name.endswith("_tally") else set[Path]()
    units = (set(folder.rglob("*.c")) - programs - walk) | others
    headers = {header for unit in units | programs for header in included(unit)}
    assert headers
    assert set(extension["sources"]) == {str(unit.relative_to(ROOT)) for unit in units}
    needed = headers | programs
    assert set(extension["depends"]) == {str(path.relative_to(ROOT)) for path in needed}


def included(path: Path) -> Iterator[Path]:
    """Yield the project's headers that a C file includes, directly or indirectly."""
    for name in OWN_INCLUDE.findall(path.read_text()):
        header = (path.parent / name).resolve()
        yield header
        yield from included(header)


def test_package_declares_the_files_of_the_pages() -> None:
    """Each template, each file loaded by a page, and each document is installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    package = ROOT / "src" / "tcp_pressure_exporter"
    patterns = project["tool"]["setuptools"]["package-data"]["tcp_pressure_exporter"]
    declared = {path for pattern in patterns for path in package.glob(pattern)}
    needed = {
        *package.glob("pages/status/templates/**/*"),
        *package.glob("pages/status/static/**/*"),
        *package.glob("pages/docs/templates/**/*"),
        *(package / "pages/docs/shipped").glob("*.md"),
        *(package / "pages/docs/shipped/runbooks").glob("*"),
    }
    assert len(needed) >= 32
    assert needed <= declared
