"""Builds an extension from the checkout's C sources, differently from users."""

import subprocess
import sysconfig
from pathlib import Path

from tests.support.places import ROOT

SOURCES = ROOT / "src" / "tcp_pressure_exporter" / "sources" / "counting"
BPF = SOURCES.with_name("bpf")
WALK = BPF / "walk"
PYTHON_FLAGS = ("-DPy_LIMITED_API=0x030B0000", "-isystem", sysconfig.get_path("include"))


def sources_of(kind: str, folder: Path = SOURCES) -> list[Path]:
    """Return all units ("c") or headers ("h") of a folder's extension.

    Those of the walk belong to the extension that counts, not to the one that loads programs.
    """
    if folder == SOURCES:
        return [path for part in (WALK, SOURCES) for path in sorted(part.rglob(f"*.{kind}"))]
    return sorted(folder.glob(f"*.{kind}"))


def build_extension(target: Path, *extra: str | Path, folder: Path = SOURCES) -> None:
    """Compile and link a folder's units into `target`, with the test's own flags and sources."""
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-fvisibility=hidden", *PYTHON_FLAGS, f"-I{folder}", *extra,
         *sources_of("c", folder), "-o", target],
        check=True,
    )  # fmt: skip
