"""Packages of any Debian suite, from this host's own sources, unpacked in a folder.

apt works on separate lists and state: nothing is installed, and the host's lists stay as they are.
"""

import lzma
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
LABELS = {"Debian": "", "Debian-Security": "-security"}  # of an archive: how its suites end


class Debian:
    """The packages of some suites for one architecture; apt's files are in `folder`."""

    def __init__(self, folder: Path, suites: Sequence[str], architecture: str) -> None:
        self._folder = folder
        self._flags = [
            *("-qq", "-o", f"APT::Architecture={architecture}"),
            *("-o", f"APT::Architectures::={architecture}"),
            *("-o", f"Dir::State={folder}/state", "-o", "Dir::State::status=/dev/null"),
            *("-o", f"Dir::Cache={folder}/cache", "-o", "APT::Sandbox::User=root"),
            *("-o", f"Dir::Etc::sourcelist={folder}/sources.list"),
            *("-o", "Dir::Etc::sourceparts=/dev/null", "-o", "Acquire::Languages=none"),
        ]
        for part in ("state/lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "sources.list").write_text("".join(_sources(suites)))
        _run("apt-get", *self._flags, "update")

    def newest_version(self, package: str) -> str:
        """Return the highest version of a package in all suites, whatever apt would prefer."""
        shown = _run("apt-cache", *self._flags, "show", package)
        return str(re.findall(r"^Version: (.*)$", shown, re.MULTILINE)[0])

    def kernel_packages(self, package: str) -> list[str]:
        """Return what a package like linux-image-cloud-amd64 depends on, as name=version.

        That is one package, or since Linux 7, one with the image and one with the modules.
        """
        version = self.newest_version(package)
        shown = _run("apt-cache", *self._flags, "show", f"{package}={version}")
        match = re.search(r"^Depends:.*\blinux-image-(\S+)", shown, re.MULTILINE)
        assert match, f"{package} depends on no kernel"
        known = set(_run("apt-cache", *self._flags, "pkgnames", "linux-").split())
        names = [f"linux-{part}-{match[1]}" for part in ("image", "binary", "modules")]
        return [f"{name}={version}" for name in names if name in known]

    def download(self, packages: Iterable[str]) -> list[Path]:
        """Download packages without their dependencies."""
        folder = self._folder / "cache" / "archives"
        _run("apt-get", *self._flags, "download", *packages, folder=folder)
        return sorted(folder.glob("*.deb"))

    def download_with_dependencies(self, packages: Iterable[str]) -> list[Path]:
        """Download packages with all their dependencies."""
        flags = ("--download-only", "--yes", "--no-install-recommends")
        _run("apt-get", *self._flags, *flags, "install", *packages)
        return sorted((self._folder / "cache" / "archives").glob("*.deb"))


def unpack(packages: Iterable[Path], folder: Path) -> None:
    """Unpack packages into a folder, without their scripts."""
    for package in packages:
        _run("dpkg-deb", "--extract", str(package), str(folder))


def read_module(path: Path) -> bytes:
    """Return a kernel module, which newer packages compress."""
    content = path.read_bytes()
    return lzma.decompress(content) if path.suffix == ".xz" else content


def _sources(suites: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a sources.list, with the addresses from this host's own."""
    addresses = dict(_archives())
    assert addresses, "the host has no lists of Debian packages: run apt-get update first"
    for suite in suites:
        for ending, address in addresses.items():
            if suite.endswith("-security") == bool(ending):
                yield f"deb [signed-by={KEYRING}] {address} {suite} main\n"


def _archives() -> Iterator[tuple[str, str]]:
    shown = _run(
        *("apt-get", "indextargets", "--format", "$(LABEL)|$(REPO_URI)", "Created-By: Packages")
    )
    for line in shown.splitlines():
        label, _, address = line.partition("|")
        if label in LABELS:
            yield LABELS[label], address


def _run(*command: str, folder: Path | None = None) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
    return done.stdout
