"""What runs besides our own code is declared and pinned, and nothing else is."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from tests.support.places import ROOT

PACKAGE = "tcp_pressure_exporter"


def name_of(requirement: str) -> str:
    """Return the normalised form of a distribution's name (PEP 503)."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {name_of(requirement) for requirement in project["dependencies"]}


def imported() -> set[str]:
    """Return the first parts of all modules that the package imports."""
    found = set()
    for path in (ROOT / "src" / PACKAGE).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found


def test_imports_are_declared() -> None:
    """The package imports only the standard library and what pyproject.toml declares."""
    others = imported() - set(sys.stdlib_module_names) - {PACKAGE}
    providers = packages_distributions()
    assert {name_of(name) for module in others for name in providers[module]} <= declared()


def test_dependencies_are_pinned() -> None:
    """Each dependency, including indirect ones, has one exact version in constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[^\s=]+( *;.*)?", pin) for pin in pins)
    assert declared() <= {name_of(pin) for pin in pins}
