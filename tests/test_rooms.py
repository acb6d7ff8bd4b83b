"""The house keeps its order: which room may build on which, and what each says it is for."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support.places import ROOT

PRODUCT = "tcp_pressure_exporter"
SOURCE = ROOT / "src" / PRODUCT
SAMPLE_AND_BELOW = {"sample", "findings", "pools", "facts"}
# What each room, or root module, imports besides itself. An arrow upwards would be a cycle.
ALLOWED = {
    "escaping": set[str](),
    "figures": set[str](),
    "facts": set[str](),
    "sources": {"facts"},
    "pools": {"facts"},
    "findings": {"pools", "facts", "figures"},
    "sample": {"findings", "pools", "facts"},
    "collectors": SAMPLE_AND_BELOW,
    "verdict": {"figures"} | SAMPLE_AND_BELOW,
    "pages": {"verdict", "escaping", "figures"} | SAMPLE_AND_BELOW,
    "settings": {"escaping"} | SAMPLE_AND_BELOW,
    "sampling": {"sources", "settings"} | SAMPLE_AND_BELOW,
    "web": set[str](),
    "daemon": {
        *(
            "escaping",
            "figures",
            "sources",
            "collectors",
            "verdict",
            "pages",
            "settings",
            "sampling",
            "web",
        ),
        *SAMPLE_AND_BELOW,
    },
    "__main__": {"daemon"},
}
MOST_ROOT_ENTRIES = 17
MOST_FOLDER_ENTRIES = 13  # a dozen, and the file that says what they have in common
ONE_FOR_EACH_COLLECTOR = {"collectors", "sampling/parts"}  # as long as their table


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


def folders() -> list[Path]:
    """Return the folders with code, except the package's root."""
    return sorted({path.parent for path in SOURCE.rglob("*.py")} - {SOURCE})


def test_the_graph_sees_imports() -> None:
    """The graph has imports that are known to exist, so the tests below see something."""
    graph = import_graph()
    assert "facts.ports" in graph["sources.counting.counter"]
    assert "sources.netlink.messages" in graph["sources.counting.readable"]
    assert "daemon.app" in graph["daemon.command"]
    assert "daemon.command" in graph["__main__"]


def test_every_room_has_a_rule() -> None:
    """Exactly the rooms and root modules that exist have a rule."""
    assert {first(name) for name in modules() if name} == set(ALLOWED)


@pytest.mark.parametrize("room", ALLOWED)
def test_arrows(room: str) -> None:
    """A room imports itself and what it may build on, and nothing else of the product."""
    for name, imported in import_graph().items():
        if first(name) == room:
            assert {first(module) for module in imported} <= ALLOWED[room] | {room}, name


def test_no_circle_of_modules() -> None:
    """No module imports itself through others."""
    TopologicalSorter(import_graph()).prepare()


def test_no_circle_of_folders() -> None:
    """No folder, at any depth, imports itself through others."""
    graph: dict[str, set[str]] = {}
    for name, imported in import_graph().items():
        home = name if modules()[name].name == "__init__.py" else name.rpartition(".")[0]
        others = {module.rpartition(".")[0] or module for module in imported} - {home}
        graph.setdefault(home, set()).update(others)
    TopologicalSorter(graph).prepare()


def test_the_root_is_short() -> None:
    """The package's root shows at a glance what is in it."""
    entries = [path for path in SOURCE.iterdir() if path.name != "__pycache__"]
    assert len(entries) <= MOST_ROOT_ENTRIES, sorted(path.name for path in entries)


@pytest.mark.parametrize("folder", folders(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_folder_says_what_it_is_for(folder: Path) -> None:
    """A folder holds about a dozen entries, and says in a few lines what may live in it."""
    entries = {path.stem for path in folder.iterdir() if path.suffix in {"", ".py"}}
    if str(folder.relative_to(SOURCE)) not in ONE_FOR_EACH_COLLECTOR:
        assert len(entries - {"__pycache__"}) <= MOST_FOLDER_ENTRIES
    head = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    assert "may live" in head
    assert len(head.splitlines()) in range(3, 9)
