"""The container image's description of itself."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_image_is_labelled_with_the_version_it_contains() -> None:
    """The default of the Dockerfile's VERSION is the version of the distribution."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    default = re.search(r"^ARG VERSION=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert default
    assert default[1] == version
