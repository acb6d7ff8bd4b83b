"""The pinned versions: one set, with hashes if others install it from the index."""

import re
import tomllib
from itertools import chain

import pytest

from tests.support.places import ROOT

PIN = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)
NAME = re.compile(r"[A-Za-z0-9_.-]+")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HASHED = {
    "requirements.txt": PROJECT["project"]["dependencies"],
    "requirements-build.txt": PROJECT["build-system"]["requires"],
}


def pins(path: str) -> set[tuple[str, str]]:
    return set(PIN.findall((ROOT / path).read_text()))


def names(requirements: list[str]) -> set[str]:
    """Return the normalised names (PEP 503) of requirements."""
    found = [NAME.match(requirement) for requirement in requirements]
    return {re.sub(r"[-_.]+", "-", match[0]).lower() for match in found if match}


def test_everything_is_pinned() -> None:
    """Each requirement of the project, including its extras, has a version; else: make lock."""
    extras = PROJECT["project"]["optional-dependencies"].values()
    wanted = [*chain(*HASHED.values(), *extras)]
    assert names(wanted) <= {name for name, _version in pins("constraints.txt")}


@pytest.mark.parametrize("path", HASHED)
def test_hashed_versions_are_the_pinned_ones(path: str) -> None:
    """What has hashes is what the project requires, in the same versions; else: make lock."""
    hashed = pins(path)
    assert hashed <= pins("constraints.txt")
    assert names(HASHED[path]) <= {name for name, _version in hashed}


@pytest.mark.parametrize("path", HASHED)
def test_each_has_its_hashes(path: str) -> None:
    """Every version is followed by the SHA-256 of its files, so that pip takes no other."""
    text = re.sub(r"^#.*\n", "", (ROOT / path).read_text())
    entries = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(pins(path))
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
