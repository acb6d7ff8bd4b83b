"""Data flows from kernel to model to collectors to web; no module imports against the stream."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PRODUCT = "tcp_pressure_exporter"
SOURCE = Path(__file__).parent.parent / "src" / PRODUCT
ALLOWED = {
    "facts": {"facts"},
    "sources": {"sources", "facts"},
    "pools": {"pools", "facts"},
    "findings": {"findings", "pools", "facts"},
    "sample": {"sample", "findings", "pools", "facts"},
    "collectors": {"collectors", "sample", "findings", "pools", "facts"},
    "verdict": {"verdict", "sample", "findings", "pools", "facts"},
    "pages": {"pages", "verdict", "sample", "findings", "pools", "facts", "escaping"},
    "status": {"status", "pages", "verdict", "sample", "findings", "pools", "facts", "escaping"},
    "web": {"web"},
    "web_config": {"web", "web_config", "config_errors", "config_reading", "escaping"},
    "report": {
        *("report", "pages", "verdict", "sample", "findings", "pools", "facts", "sources"),
        *("config", "config_errors", "escaping", "flag_values", "flags", "host_sampler"),
        *("left_out", "options"),
    },
}
ENTRANCES = {"app", "cli"}  # wire everything together; nothing builds on them
THEIR_IMPORTERS = {"app", "cli", "__main__"}


@cache
def modules() -> dict[str, Path]:
    """Return the file of each module, by its name inside the package."""
    return {_name(path): path for path in SOURCE.rglob("*.py")}


def _name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Yield the modules of the product that a file imports, at any depth of its code."""
    known = modules()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.ImportFrom(module=str(module), level=0):
                names = [f"{module}.{alias.name}" for alias in node.names]
            case ast.ImportFrom():
                pytest.fail(f"{path}: a relative import")
            case ast.Import():
                names = [alias.name for alias in node.names]
            case _:
                continue
        for name in names:
            if first(name) == PRODUCT:
                inside = name.removeprefix(PRODUCT).removeprefix(".")
                yield inside if inside in known else inside.rpartition(".")[0]


def first(module: str) -> str:
    return module.partition(".")[0]


@cache
def import_graph() -> dict[str, set[str]]:
    return {name: set(imports(path)) for name, path in modules().items()}


def test_the_graph_sees_imports() -> None:
    """The graph has imports that are known to be there: the tests below see something."""
    graph = import_graph()
    assert "facts.ports" in graph["sources.counting.readable"]
    assert "sources.netlink.messages" in graph["sources.counting.readable"]
    assert "app" in graph["cli"]
    assert "cli" in graph["__main__"]
    assert "report.command" in graph["cli"]
    assert set(ALLOWED) <= {first(name) for name in graph}


@pytest.mark.parametrize("package", ALLOWED)
def test_package(package: str) -> None:
    """A package imports itself and what lies before it, and nothing else of the product."""
    for name, imported in import_graph().items():
        if first(name) == package:
            assert {first(module) for module in imported} <= ALLOWED[package], name


def test_nothing_builds_on_the_entrances() -> None:
    """Only the command line itself imports app or cli."""
    importers = {
        first(name)
        for name, imported in import_graph().items()
        if ENTRANCES & {first(module) for module in imported}
    }
    assert importers <= THEIR_IMPORTERS


def test_no_cycle_between_modules() -> None:
    """No module imports itself by way of others."""
    TopologicalSorter(import_graph()).prepare()


def test_no_cycle_between_packages() -> None:
    """No package imports itself by way of others; a module beside them is as good as one."""
    packages: dict[str, set[str]] = {}
    for name, imported in import_graph().items():
        others = {first(module) for module in imported} - {first(name)}
        packages.setdefault(first(name), set()).update(others)
    TopologicalSorter(packages).prepare()
