"""The root of an arm64 machine: Debian's own programs and Python, and this checkout.

Extensions are built by Debian's cross compiler, unpacked next to the host's own.
"""

import os
import subprocess
import sysconfig
from importlib.metadata import distribution
from pathlib import Path

from tests.kernels.debian import Debian, unpack
from tests.kernels.host_root import EXPORTER, CompiledModule, compiled_modules, put_checkout
from tests.kernels.initramfs import Initramfs
from tests.support.places import ROOT

SUITE = "trixie"
COMPILER_SUITE = "bookworm"  # its programs run on Debian 12 and later
PYTHON = "/usr/bin/python3.13"
PACKAGES = (
    *("python3", "python3-pytest", "python3-hypothesis", "python3-psutil", "python3-yaml"),
    *("python3-prometheus-client", "python3-structlog", "python3-h11", "python3-jinja2"),
    *(
        "python3-rich",
        "python3-msgspec",
        "iproute2",
        "nftables",
        "conntrack",
        "openssl",
        "util-linux",
        "mount",
    ),
    *("dash", "coreutils", "base-files"),
)
LEFT_OUT = ("doc", "man", "locale", "i18n", "perl*", "gconv", "test", "idlelib", "pydoc_data")
METADATA = "/usr/lib/python3/dist-packages/tcp_pressure_exporter.dist-info/METADATA"


def arm64_root(folder: Path) -> bytes:
    """Return the archive; downloads for it are kept in the folder."""
    system = Initramfs(_userland(folder / "userland"))
    for name in ("bin", "sbin", "lib"):
        system.add_link(Path("/", name))
    for name in ("bin", "sbin", "lib", "lib64", "libexec", "share"):
        system.add_tree(Path("/usr", name), LEFT_OUT)
    own = Initramfs()
    put_checkout(own, PYTHON)
    own.put(METADATA, (distribution(EXPORTER).read_text("METADATA") or "").encode())
    for module in compiled_modules():
        own.put(str(module.path), _built(module, folder), 0o755)
    return system.archive() + own.archive()


def _userland(folder: Path) -> Path:
    """Return a folder with the packages unpacked, downloading missing ones."""
    root = folder / "root"
    if not root.exists():
        part = folder / "part"
        for name in ("bin", "sbin", "lib"):  # as every Debian has merged them
            (part / "usr" / name).mkdir(parents=True, exist_ok=True)
            (part / name).symlink_to(f"usr/{name}")
        debian = Debian(folder / "apt", (SUITE,), "arm64")
        unpack(debian.download_with_dependencies(PACKAGES), part)
        part.rename(root)
    return root


def _compiler(folder: Path) -> Path:
    root = folder / "root"
    if not root.exists():
        debian = Debian(folder / "apt", (COMPILER_SUITE,), "amd64")
        packages = ("gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross")
        found = debian.download_with_dependencies(packages)
        # The C library is the host's own, as its loader requires.
        unpack([path for path in found if not path.name.startswith("libc6_")], folder / "part")
        (folder / "part").rename(root)
    return root


def _built(module: CompiledModule, folder: Path) -> bytes:
    """Build the extension as in pyproject.toml.

    The headers of the host's Python will do: the stable ABI is the same on all 64-bit systems.
    """
    root = _compiler(folder / "compiler")
    build, built = module.build, folder / module.path.name
    command = [
        *(str(root / "usr/bin/aarch64-linux-gnu-gcc"), f"-B{root}/usr/bin/", f"--sysroot={root}"),
        *("-shared", "-fPIC", *build["extra-compile-args"]),
        *(f"-D{name}={value}" for name, value in build.get("define-macros", ())),
        *("-isystem", f"{root}/usr/aarch64-linux-gnu/include"),
        *(f"-I{ROOT / name}" for name in build.get("include-dirs", ())),
        f"-I{sysconfig.get_path('include')}",
        *(str(ROOT / name) for name in build["sources"]),
        *(f"-L{root}/usr/aarch64-linux-gnu/lib", "-o", str(built)),
    ]
    libraries = {"LD_LIBRARY_PATH": f"{root}/usr/lib/x86_64-linux-gnu"}
    subprocess.run(command, check=True, env=os.environ | libraries)
    return built.read_bytes()
