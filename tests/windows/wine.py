"""Windows programs under wine, in the test's own prefix; its server ends with the test."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.places import ROOT

WINDOWS = ROOT / ".tools" / "windows"
HERE = Path(__file__).parent
PARAMETERS = r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"


class Wine:
    """Runs Windows programs; wine's server, and so its view of the network, starts with them."""

    def __init__(self, prefix: Path) -> None:
        self.environment = os.environ | {"WINEPREFIX": str(prefix), "WINEDEBUG": "-all"}

    def python(self, script: str, *arguments: str) -> list[str]:
        """Return the command that runs a script in this folder with Windows' Python."""
        python = WINDOWS / "python" / "python.exe"
        folders = (str(ROOT / "src"), str(WINDOWS / "libraries"))
        return ["wine", str(python), str(HERE / script), *folders, *arguments]

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        # Pipes at both ends: wine's Python finds no standard streams in files.
        return subprocess.run(
            command, env=self.environment, input="", capture_output=True, text=True, check=False
        )

    def set_number(self, name: str, value: int) -> None:
        """Set a TCP/IP parameter in the registry."""
        options = ("/v", name, "/t", "REG_DWORD", "/d", str(value), "/f")
        assert self.run(["wine", "reg", "add", PARAMETERS, *options]).returncode == 0


@contextmanager
def wine(prefix: Path) -> Iterator[Wine]:
    """Set up a Windows 10, which Python needs; wine's default is older."""
    made = Wine(prefix)
    version = (r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f")
    try:
        done = made.run(["wine", "reg", "add", *version])
        assert done.returncode == 0, done.stderr
        made.run(["wineserver", "--kill", "--wait"])  # the running one is still the older
        yield made
    finally:
        made.run(["wineserver", "--kill"])
