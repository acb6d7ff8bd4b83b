"""What the .deb and the .rpm say about themselves all comes from pyproject.toml."""

import gzip
import shlex
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from deploy.packages.papers import variables, write
from tests.support.places import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
(AUTHOR,) = PROJECT["authors"]
MAINTAINER = f"{AUTHOR['name']} <{AUTHOR['email']}>"


def test_who_and_where() -> None:
    """The package manager gets the project's own address, maintainers and version."""
    assert shlex.split(variables()) == [
        f"VERSION={PROJECT['version']}",
        f"MAINTAINER={MAINTAINER}",
        f"HOMEPAGE={PROJECT['urls']['Homepage']}",
    ]


def test_papers(tmp_path: Path) -> None:
    """Copyright and changelog name them, too; the changelog's line is as policy 4.4 requires."""
    write(tmp_path, datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC))
    assert f"\nSource: {PROJECT['urls']['Homepage']}\n" in (tmp_path / "copyright").read_text()
    changelog = gzip.decompress((tmp_path / "changelog.Debian.gz").read_bytes()).decode()
    assert changelog.endswith(f"\n -- {MAINTAINER}  Tue, 03 Feb 2026 04:05:06 +0000\n")


def test_the_documents_are_below_the_project_s_address() -> None:
    """One placeholder stands for both until there is a public address."""
    assert PROJECT["urls"]["Documentation"] == f"{PROJECT['urls']['Homepage']}/docs"
