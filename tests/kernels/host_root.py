"""The programs, the Python and the checkout of this host, as the root of an emulated machine."""

import re
import shutil
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple

from tests.kernels.initramfs import Initramfs
from tests.support.places import ROOT

PROGRAMS = (
    *("ss", "ip", "nft", "nstat", "conntrack", "openssl", "sh", "sleep", "cat", "true"),
    *("mount", "umount", "unshare", "nsenter", "setpriv"),
)
NAME = re.compile(r"^[A-Za-z0-9._-]+")
EXPORTER = "tcp-pressure-exporter"
# Parts of Python that no test needs.
LEFT_OUT = (
    *("test", "idlelib", "lib2to3", "ensurepip", "tkinter", "turtledemo", "pydoc_data", "config-*"),
    *("_tkinter*", "site-packages", "dist-packages", "*.opt-?.pyc", "*.a"),
)
# All paths are those of the host, so that compiled Python matches its sources.
INIT = """#!{python}
import os, sys
os.environ.update(PATH="/usr/sbin:/usr/bin:/sbin:/bin", HOME="/root", LC_ALL="C.UTF-8")
os.environ["PYTHONPATH"] = "{paths}"
sys.path[:0] = "{paths}".split(":")
from pathlib import Path
from tests.kernels.guest import main
main(Path("{root}"))
"""
COMMAND = """#!{python}
from tcp_pressure_exporter.__main__ import main
main()
"""


def host_root() -> Initramfs:
    """Return the files; what the tests run is what this host has."""
    tree = Initramfs()
    for program in filter(None, map(shutil.which, PROGRAMS)):
        tree.add(Path(program))
    tree.add(Path(sys.executable).resolve())
    for folder in {_library("stdlib"), _library("platstdlib")}:
        tree.add_tree(folder, LEFT_OUT)
    for name in _needed(EXPORTER, "pytest", "hypothesis"):
        for path in _files(name):
            tree.add(path)
    put_checkout(tree, str(Path(sys.executable).resolve()), sysconfig.get_path("purelib"))
    for module in compiled_modules():
        tree.add(module.path)
    tree.add_libraries()
    return tree


class CompiledModule(NamedTuple):
    """A compiled module: where it is, and how pyproject.toml builds it."""

    path: Path
    build: dict[str, Any]


def compiled_modules() -> list[CompiledModule]:
    """Return the modules of the stable ABI, as setuptools names them."""
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    return [
        CompiledModule(ROOT / "src" / f"{build['name'].replace('.', '/')}.abi3.so", build)
        for build in setuptools["ext-modules"]
    ]


def put_checkout(tree: Initramfs, python: str, *packages: str) -> None:
    """Put this checkout, what starts it, and the files that each Linux has."""
    for folder in ("src", "tests"):
        tree.add_tree(ROOT / folder, ("types", "node_modules", "*.so"))
    tree.add(ROOT / "pyproject.toml")
    paths = ":".join((str(ROOT), str(ROOT / "src"), *packages))
    tree.put(str(Path(python).with_name(EXPORTER)), COMMAND.format(python=python).encode(), 0o755)
    tree.put("/init", INIT.format(python=python, paths=paths, root=ROOT).encode(), 0o755)
    tree.put("/etc/passwd", b"root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    tree.put("/etc/group", b"root:x:0:\nnogroup:x:65534:\n")
    for folder in ("/proc", "/sys", "/dev", "/tmp", "/run", "/root"):  # noqa: S108
        tree.directory(folder)


def _library(name: str) -> Path:
    """Return a folder of Python itself, not of the environment that it runs in."""
    base = dict.fromkeys(
        ("base", "installed_base", "platbase", "installed_platbase"), sys.base_prefix
    )
    return Path(sysconfig.get_path(name, vars=base)).resolve()


def _needed(*names: str) -> set[str]:
    """Return the installed packages with these names, and their dependencies."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found and _installed(name):
            found.add(name)
            required = distribution(name).requires or ()
            todo += [NAME.findall(text)[0] for text in required if "extra ==" not in text]
    return found


def _installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:  # for another system
        return False
    return True


def _files(name: str) -> Iterator[Path]:
    """Yield the modules of an installed package; the exporter's are those of the checkout."""
    for file in distribution(name).files or ():
        path = Path(str(file.locate()))
        if ".." not in file.parts and path.exists():
            yield path
