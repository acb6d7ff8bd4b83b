"""The version is in pyproject.toml; any other file that needs it has the same."""

import re
import tomllib
from importlib.metadata import version

import pytest

from tcp_pressure_exporter.settings.flags import VERSION as RUNNING
from tests.support.places import ROOT

NAME = "tcp-pressure-exporter"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_program_says_it() -> None:
    """--version and build_info tell the version of the installed distribution."""
    assert RUNNING == version(NAME) == VERSION


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("Dockerfile", r"^ARG VERSION=(\S+)$"),
        ("deploy/compose.yaml", rf"image: {NAME}:(\S+)$"),
        ("docs/deployment.md", rf" {NAME}:(\S+)$"),
        ("docs/deployment.md", r"newTag: (\S+)$"),
        ("docs/deployment.md", rf"apt install \./{NAME}_(\S+)-1_amd64"),
        ("docs/deployment.md", rf"dnf install \./{NAME}-(\S+)-1\.x86_64"),
        ("docs/release.md", rf"verify {NAME}_(\S+)-1_amd64"),
        ("deploy/kubernetes/base/kustomization.yaml", rf"name: {NAME}\n +newTag: (\S+)$"),
    ],
)
def test_others_repeat_it(path: str, pattern: str) -> None:
    """Files that cannot read pyproject.toml contain the version once."""
    found = re.findall(pattern, (ROOT / path).read_text(), re.MULTILINE)
    assert found == [VERSION]
