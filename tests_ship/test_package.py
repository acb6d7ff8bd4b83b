"""The packages: built twice, installed as users would, described by a bill of materials."""

import hashlib
import json
import platform
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests_ship.commands import output
from tests_ship.machine import Root
from tests_ship.places import ROOT, VERSION

NAME = "tcp_pressure_exporter"
# The report's exit code is its verdict on this machine: any but "bad flag" and "no verdict" will
# do.
ANY_VERDICT = ("sh", "-c", '{ eval "$0"; } || [ $? -le 2 ]')
PIPX = ("env", "PIPX_HOME=/opt/pipx", "PIPX_BIN_DIR=/usr/local/bin", "pipx")


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def test_the_build_can_be_repeated(packages: Path, tmp_path: Path) -> None:
    """Another build of the same commit has the same bytes, and says nothing."""
    assert output(ROOT / ".ci" / "dist", tmp_path) == ""
    assert digests(tmp_path) == digests(packages)
    assert len(digests(packages)) == 2


def test_so_can_that_of_the_system_packages(system_packages: Path, tmp_path: Path) -> None:
    """The .deb and the .rpm of the same wheel have the same bytes, too."""
    (wheel,) = system_packages.glob("*.whl")
    shutil.copy(wheel, tmp_path)
    output(ROOT / ".ci" / "packages", tmp_path)
    assert digests(tmp_path) == digests(system_packages)
    assert {Path(name).suffix for name in digests(tmp_path)} == {".deb", ".rpm", ".whl"}


def test_no_machine_is_in_the_wheel(wheel: Path) -> None:
    """The compiled parts look for libraries where the system does, not where they were built."""
    with zipfile.ZipFile(wheel) as archive:
        libraries = [name for name in archive.namelist() if name.endswith(".so")]
        assert len(libraries) == 2
        for name in libraries:
            dynamic = output("readelf", "--dynamic", archive.extract(name, wheel.parent / "so"))
            assert "RUNPATH" not in dynamic
    shutil.rmtree(wheel.parent / "so")


def test_the_wheel_runs_on_every_python(wheel: Path) -> None:
    """One wheel, with the compiled parser, for Python 3.11 and all later ones (PEP 425)."""
    assert wheel.name.startswith(f"{NAME}-{VERSION}-cp311-abi3-manylinux")
    names = zipfile.ZipFile(wheel).namelist()
    assert {
        f"{NAME}/sources/counting/_tally.abi3.so",
        f"{NAME}/sources/bpf/_bpf.abi3.so",
    } <= set(names)
    assert f"{NAME}/py.typed" in names
    documents = [*ROOT.glob("docs/*.md"), *ROOT.glob("docs/runbooks/*.md")]
    shipped = {f"{NAME}/pages/docs/shipped/{path.relative_to(ROOT / 'docs')}" for path in documents}
    assert shipped <= set(names)
    assert {name.split("/")[0] for name in names} == {NAME, f"{NAME}-{VERSION}.dist-info"}


def test_the_wheel_for_musl(tmp_path: Path) -> None:
    """It has both compiled parts, which need only Python and what musl's libc exports."""
    assert output(ROOT / ".ci" / "musl-wheel", tmp_path) == ""
    (path,) = tmp_path.glob("*.whl")
    machine = platform.machine()
    assert path.name == f"{NAME}-{VERSION}-cp311-abi3-musllinux_1_2_{machine}.whl"
    exported = symbols(f"/lib/ld-musl-{machine}.so.1", "--defined-only")
    with zipfile.ZipFile(path) as archive:
        libraries = [name for name in archive.namelist() if name.endswith(".so")]
        assert len(libraries) == 2
        for name in libraries:
            needed = symbols(archive.extract(name, tmp_path), "--undefined-only", "--no-weak")
            assert "PyModule_Create2" in needed or "PyModuleDef_Init" in needed
            assert {one for one in needed if not one.startswith(("Py", "_Py"))} <= exported


def symbols(library: str | Path, *which: str) -> set[str]:
    """Return the symbols of a library by nm's flags: those it exports, or needs from others."""
    return {line.split()[-1] for line in output("nm", "--dynamic", *which, library).splitlines()}


def test_the_source_distribution_can_be_built(packages: Path) -> None:
    """It has the C sources and their headers, and none of the tests that need the repository."""
    with tarfile.open(packages / f"{NAME}-{VERSION}.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.[ch]")}
    assert sources | {"pyproject.toml", "LICENSE"} <= names
    assert not any(name.startswith("tests") for name in names)


@pytest.fixture(scope="module")
def checkout(root: Root) -> Iterator[str]:
    """Put the committed files into the Debian; yield where they are."""
    source = "/root/source"
    archive = root.path / "root" / "source.tar"
    output("git", "archive", "--output", archive, "HEAD", cwd=ROOT)
    root.run("sh", "-c", f"mkdir -p {source} && tar -xf /root/source.tar -C {source}")
    yield source
    root.run("rm", "-r", source)


def test_pipx_installs_the_checkout(root: Root, checkout: str) -> None:
    """`pipx install .` works on a fresh Debian without a compiler, with the readable parser."""
    try:
        root.run(*PIPX, "install", checkout)
        assert VERSION in root.run("tcp-pressure-exporter", "--version")
        assert 'parser="readable"' in root.run("tcp-pressure-exporter", "--once")
        assert "Closest to the limit" in root.run(*ANY_VERDICT, "tcp-pressure-exporter report")
    finally:
        root.run(*PIPX, "uninstall", "tcp-pressure-exporter")


def test_pipx_runs_the_checkout(root: Root, checkout: str) -> None:
    """The README's command, `pipx run --spec . tcp-pressure-exporter report`, leaves nothing."""
    command = f"cd {checkout} && pipx run --spec . tcp-pressure-exporter report"
    assert "Closest to the limit" in root.run(*ANY_VERDICT, command)


def test_uvx_runs_the_checkout(root: Root, checkout: str) -> None:
    """So does `uvx --from . tcp-pressure-exporter report`, with uv from the package index."""
    root.run(*PIPX, "install", "uv")
    try:
        command = f"cd {checkout} && uvx --from . tcp-pressure-exporter report"
        assert "Closest to the limit" in root.run(*ANY_VERDICT, command)
    finally:
        root.run(*PIPX, "uninstall", "uv")


def test_pip_installs_the_wheel(root: Root, wheel: Path) -> None:
    """Installed in a virtual environment of Debian's Python, it has the compiled parser."""
    root.put(wheel, f"/root/{wheel.name}")
    root.run("python3", "-m", "venv", "/root/venv")
    root.run("/root/venv/bin/pip", "install", "--quiet", f"/root/{wheel.name}")
    assert 'parser="compiled"' in root.run("/root/venv/bin/tcp-pressure-exporter", "--once")


def test_bill_of_materials(tmp_path: Path) -> None:
    """It names what runs, with the lock's hashes, and nothing that only tests need."""
    bom = tmp_path / "bom.json"
    tool = ROOT / ".venv" / "bin" / "cyclonedx-py"
    flags = ("--pyproject", ROOT / "pyproject.toml", "--output-reproducible", "--output-file", bom)
    output(tool, "requirements", ROOT / "requirements.txt", *flags)
    document = json.loads(bom.read_text())
    names = {component["name"].lower() for component in document["components"]}
    assert document["metadata"]["component"]["version"] == VERSION
    assert {"prometheus-client", "structlog", "h11"} <= names
    assert not names & {"pytest", "mypy", "hypothesis", "uv"}
