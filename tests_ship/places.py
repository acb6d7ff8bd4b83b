"""Where things are, and the version that everything must bear."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHIP = ROOT / ".tools" / "ship"  # of .ci/ship-tools
PROGRAMS = ROOT / ".tools" / "usr" / "bin"  # of .ci/tools
DEPLOY = ROOT / "deploy"
PORT = 10190
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSION: str = _PROJECT["version"]
IMAGE = f"tcp-pressure-exporter:{VERSION}"
# What it runs on, as the folders of installed distributions have the names.
DEPENDENCIES = {
    re.split(r"[^\w.-]", dependency)[0].lower().replace("-", "_")
    for dependency in _PROJECT["dependencies"]
}
