"""The bytes of the BPF programs match their sources."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.places import ROOT

PROGRAMS = ROOT / "src/tcp_pressure_exporter/sources/bpf/programs"
COMMITTED_BY = 14  # Debian 12's clang
SOURCES = sorted(path.name.removesuffix(".bpf.c") for path in PROGRAMS.glob("*.bpf.c"))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recompile all programs."""
    target = tmp_path_factory.mktemp("bpf")
    subprocess.run([ROOT / ".ci/bpf", target], check=True)
    return target


def clang_version() -> int:
    text = subprocess.run(["clang", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"clang version (\d+)", text)
    assert found
    return int(found[1])


@pytest.mark.parametrize("name", SOURCES)
def test_made_again(compiled: Path, name: str) -> None:
    """Compiling gives what is committed: the same bytes with the same clang, else equal parts."""
    file = f"{name}.skeleton.h"
    made, committed = (compiled / file).read_text(), (PROGRAMS / file).read_text()
    if clang_version() == COMMITTED_BY:
        assert made == committed, "run: make bpf"
    assert head(made) == head(committed)


def head(skeleton: str) -> list[str]:
    """Return what names the object, its maps and its programs."""
    return re.findall(r"^    \.(?:name|maps|programs) = .*", skeleton, re.MULTILINE)


@pytest.mark.parametrize("name", SOURCES)
def test_licence(name: str) -> None:
    """Each program says under which licences its source may be used."""
    first = (PROGRAMS / f"{name}.bpf.c").read_text().splitlines()[0]
    assert first == "// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only"
