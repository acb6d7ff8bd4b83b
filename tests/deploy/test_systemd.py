"""The systemd unit that ships with the exporter."""

import re
import subprocess
from pathlib import Path

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "tcp-pressure-exporter.service"


def systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """Systemd knows every key. The programs need not be installed: a stand-in replaces them."""
    text = re.sub(r"^(Exec\w+)=\S+", r"\1=/bin/true", UNIT.read_text(), flags=re.MULTILINE)
    copy = tmp_path / UNIT.name
    copy.write_text(text)
    run = systemd_analyze("verify", "--man=no", str(copy))
    assert (run.returncode, run.stderr) == (0, "")  # a misspelt key only shows on stderr


def test_the_unit_is_well_confined() -> None:
    """Systemd rates the exposure at 2.0 of 10 or less."""
    run = systemd_analyze("security", "--offline=true", "--threshold=20", str(UNIT))
    assert run.returncode == 0, run.stdout + run.stderr
