"""Containers by podman and runc, images by buildah, in a store of their own, without a registry."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests_ship.commands import CERTIFICATES, output
from tests_ship.places import ROOT, SHIP

BASE = "debian:trixie-slim"  # the Dockerfile's
# runc: crun fails if a container host lends no CAP_SYS_RESOURCE. cgroupfs and a file: there may be
# no systemd. The limits are those to which any container may raise itself.
CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
[network]
network_config_dir = "{folder}/networks"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
# vfs works on every file system, including a container's.
STORAGE_CONF = """
[storage]
driver = "vfs"
runroot = "{folder}/run"
graphroot = "{folder}/images"
"""


class Engine:
    """Builds and runs, keeping everything in one folder."""

    def __init__(self, folder: Path) -> None:
        storage, containers = folder / "storage.conf", folder / "containers.conf"
        storage.write_text(STORAGE_CONF.format(folder=folder))
        containers.write_text(CONTAINERS_CONF.format(folder=folder))
        self.environ = {
            "CONTAINERS_STORAGE_CONF": str(storage),
            "CONTAINERS_CONF": str(containers),
        }

    def buildah(self, *arguments: str | Path) -> str:
        return output("buildah", *arguments, environ=self.environ).strip()

    def podman(self, *arguments: str | Path) -> str:
        return output("podman", "--log-level=fatal", *arguments, environ=self.environ).strip()

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        """Return what podman knows about an image or a container."""
        found: list[dict[str, Any]] = json.loads(self.podman(kind, "inspect", name))
        return found[0]

    def make_image(
        self, name: str, *content: tuple[Path, str], base: str = "scratch", entrypoint: str = ""
    ) -> None:
        """Commit an image with these (file or archive, place) on the base."""
        container = self.buildah("from", "--pull-never", base)
        for path, place in content:
            self.buildah("add", "--quiet", container, path, place)
        if entrypoint:
            self.buildah("config", f"--entrypoint={json.dumps([entrypoint])}", container)
        self.buildah("commit", "--quiet", "--format=docker", "--rm", container, name)

    def make_base(self) -> None:
        self.make_image(BASE, (SHIP / "base.tar", "/"))

    def build_exporter(self) -> None:
        """Run `make image`. The build borrows this machine's certificates."""
        flags = (
            *("--pull-never", "--format=docker", "--isolation=chroot", "--network=host"),
            *("--layers=false", f"--volume={CERTIFICATES}:{CERTIFICATES}:ro"),
        )
        image = ("image", "ENGINE=buildah", f"IMAGE_FLAGS={' '.join(flags)}")
        output("make", "-C", ROOT, *image, environ=self.environ)

    @contextmanager
    def running(self, name: str, *arguments: str) -> Iterator[str]:
        """Run a container with these podman arguments; remove it at the end."""
        self.podman("run", "--detach", f"--name={name}", *arguments)
        try:
            yield name
        finally:
            self.podman("rm", "--force", "--time=5", name)
