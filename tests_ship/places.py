"""Where things are, and the version everything must have."""

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
# Its dependencies, named as the folders of installed distributions.
DEPENDENCIES = {
    re.split(r"[^\w.-]", dependency)[0].lower().replace("-", "_")
    for dependency in _PROJECT["dependencies"]
}
