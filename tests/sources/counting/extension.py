"""Builds an extension from the C sources of the checkout, other than users do."""

import subprocess
import sysconfig
from pathlib import Path

from tests.support.places import ROOT

SOURCES = ROOT / "src" / "tcp_pressure_exporter" / "sources" / "counting"
BPF = SOURCES.with_name("bpf")
PYTHON_FLAGS = ("-DPy_LIMITED_API=0x030B0000", "-isystem", sysconfig.get_path("include"))


def build_extension(target: Path, *extra: str | Path, folder: Path = SOURCES) -> None:
    """Compile and link a folder's units into `target`, with flags and sources of the test's own."""
    units = sorted(unit for unit in folder.rglob("*.c") if not unit.name.endswith(".bpf.c"))
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-fvisibility=hidden", *PYTHON_FLAGS, f"-I{folder}", *extra,
         *units, "-o", target],
        check=True,
    )  # fmt: skip
