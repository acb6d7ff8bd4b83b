"""Builds the extension from the C sources of the checkout, other than users do."""

import subprocess
import sysconfig
from pathlib import Path

from tests.support.places import ROOT

SOURCES = ROOT / "src" / "tcp_pressure_exporter" / "sources" / "counting"
WALK = SOURCES.parent / "bpf" / "walk"
PYTHON_FLAGS = ("-DPy_LIMITED_API=0x030B0000", "-isystem", sysconfig.get_path("include"))


def sources_of(kind: str) -> list[Path]:
    """Return all units ("c") or headers ("h") of the extension."""
    return [path for folder in (WALK, SOURCES) for path in sorted(folder.rglob(f"*.{kind}"))]


def build_extension(target: Path, *extra: str | Path) -> None:
    """Compile and link all units into `target`, with flags and sources of the test's own."""
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-fvisibility=hidden", *PYTHON_FLAGS, f"-I{SOURCES}", *extra,
         *sources_of("c"), "-o", target],
        check=True,
    )  # fmt: skip
