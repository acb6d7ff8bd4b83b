"""What this process has open and where it is, as the kernel shows it."""

import os
from pathlib import Path


def own_namespace() -> str:
    """Return the network namespace of the calling thread, as net:[INODE]."""
    return str(Path("/proc/thread-self/ns/net").readlink())


def descriptors() -> dict[str, str]:
    """Return what each descriptor leads to, by its number."""
    links = {}
    for path in Path("/proc/self/fd").iterdir():
        try:
            links[path.name] = str(path.readlink())
        except FileNotFoundError:
            continue  # the descriptor of the listing itself
    return links


def buffered() -> dict[str, str]:
    """Return the environment without what would stop Python buffering its streams."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
