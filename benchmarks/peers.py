"""Programs to compare with. They go into .tools; nothing is installed on the host."""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.paths import TOOLS
from benchmarks.programs import run

NODE_EXPORTER = TOOLS / "usr" / "bin" / "prometheus-node-exporter"
PSUTIL_ENVIRONMENT = TOOLS / "psutil"


@dataclass(frozen=True, slots=True)
class Peers:
    """Where the peers are, and their versions."""

    node_exporter: Path
    psutil_python: Path
    versions: dict[str, str]


def provide_peers() -> Peers:
    """Fetch what is missing; raises BenchmarkError."""
    python = PSUTIL_ENVIRONMENT / "bin" / "python"
    if not NODE_EXPORTER.exists():
        _unpack_node_exporter()
    if not python.exists():
        _install_psutil(python)
    return Peers(NODE_EXPORTER, python, _versions(python))


def _unpack_node_exporter() -> None:
    TOOLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLS) as name:
        folder = Path(name)
        # The sandbox user could not write to the folder, and apt would warn about that.
        options = ("-q", "-o", "APT::Sandbox::User=root")
        run(("apt-get", *options, "download", "prometheus-node-exporter"), folder)
        (package,) = folder.glob("*.deb")
        run(("dpkg", "-x", package, folder))
        NODE_EXPORTER.parent.mkdir(parents=True, exist_ok=True)
        (folder / "usr" / "bin" / NODE_EXPORTER.name).rename(NODE_EXPORTER)


def _install_psutil(python: Path) -> None:
    run((sys.executable, "-m", "venv", "--clear", PSUTIL_ENVIRONMENT))
    run((python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "psutil"))


def _versions(python: Path) -> dict[str, str]:
    psutil = run((python, "-c", "import psutil; print(psutil.__version__)"))
    node_exporter = run((NODE_EXPORTER, "--version")).split("version ", 1)[1]
    return {
        "node_exporter": node_exporter.split()[0],
        "psutil": psutil.strip(),
        "ss": run(("ss", "-V")).strip().rsplit("-", 1)[-1],
    }
