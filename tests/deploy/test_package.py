"""The Python package: what a build needs is declared, for a missing part would go unnoticed."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
OWN_INCLUDE = re.compile(r'^#include "(.+)"$', re.MULTILINE)


def test_extension_declares_its_headers() -> None:
    """The source distribution holds each header that the extension includes.

    Without one the build would fail, and, being optional, leave the readable parser alone.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (extension,) = project["tool"]["setuptools"]["ext-modules"]
    for source in map(Path, extension["sources"]):
        headers = OWN_INCLUDE.findall((ROOT / source).read_text())
        assert headers
        assert extension["depends"] == [str(source.with_name(header)) for header in headers]
