"""Small text files in /proc, including sysctls, each read with few system calls."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from tcp_pressure_exporter.facts.outcome import SourceError

PART_BYTES = 65_536


def read_proc_file(
    operation: str,
    path: str,
    max_bytes: int,
    *,
    in_records: bool = False,
    folder: int | None = None,
) -> str | None:
    """Return the ASCII text of a file, or None if there is no such file.

    in_records: whether the kernel writes it record by record, and returns at most a page per read
    (fs/seq_file.c). folder: descriptor of the folder where a relative path begins. Raises
    SourceError, naming the operation, if the file exists but cannot be read, or has `max_bytes` or
    more.
    """
    read = _read_all if in_records else _read_once
    try:
        text = read(path, max_bytes, folder).decode("ascii")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(operation, getattr(error, "strerror", None) or str(error)) from error
    if len(text) >= max_bytes:
        raise SourceError(operation, f"{max_bytes} bytes or more")
    return text


def _read_once(path: str, max_bytes: int, folder: int | None) -> bytes:
    """Read at a third of the cost of a file object: a sample reads about forty such files.

    It reads only once: many sysctls return nothing to a second read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        return os.read(descriptor, max_bytes)
    finally:
        os.close(descriptor)


def _read_all(path: str, max_bytes: int, folder: int | None) -> bytes:
    """Read until nothing more comes, or `max_bytes` is reached."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    text = bytearray()
    try:
        while len(text) < max_bytes and (part := os.read(descriptor, PART_BYTES)):
            text += part
    finally:
        os.close(descriptor)
    return bytes(text)


# The kernel allocates and clears a buffer as large as the reader's, on every read: keep it small.
MAX_TEXT_BYTES = 4_096
NUMBER = re.compile("-?[0-9]{1,20}")  # 64 bits


def read_sysctl(procfs: Path, name: str, max_bytes: int = MAX_TEXT_BYTES) -> str | None:
    """Return the text of a sysctl without its newline, or None if the kernel does not have it.

    Raises SourceError if it exists but cannot be read, or has `max_bytes` or more.
    """
    text = read_proc_file(name, f"{procfs}/sys/{name.replace('.', '/')}", max_bytes)
    return None if text is None else text.strip()


def read_sysctls(procfs: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the texts of those sysctls that the kernel has, each as from read_sysctl.

    Each folder is looked up only once: the lookup is two thirds of the cost of opening a sysctl by
    its path. Raises SourceError.
    """
    texts: dict[str, str] = {}
    for folder, group in groupby(names, lambda name: name.rpartition(".")[0]):
        with _opened(f"{procfs}/sys/{folder.replace('.', '/')}") as descriptor:
            for name in group if descriptor is not None else ():
                file = name.rpartition(".")[2]
                text = read_proc_file(name, file, MAX_TEXT_BYTES, folder=descriptor)
                if text is not None:
                    texts[name] = text.strip()
    return texts


@contextmanager
def _opened(folder: str) -> Iterator[int | None]:
    """Yield a descriptor of a folder, or None if there is no such folder; raises SourceError."""
    try:
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise SourceError(folder, error.strerror or str(error)) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_sysctl_int(procfs: Path, name: str) -> int:
    """Return a sysctl that every kernel has; raises SourceError if absent or not a number."""
    text = read_sysctl(procfs, name)
    if text is None:
        raise absent(procfs, name)
    return parse_int(name, text)


def absent(procfs: Path, name: str) -> SourceError:
    """Return the error for a sysctl that every kernel has, or for all if none can be seen."""
    if Path(f"{procfs}/sys").exists():
        return SourceError(name, "absent")
    # proc(5): if mounted with subset=pid, as in sandboxes, it shows only processes.
    return SourceError(f"{procfs}/sys", "absent: is /proc mounted with subset=pid?")


def parse_int(name: str, text: str) -> int:
    """Parse the decimal value of a sysctl; raises SourceError."""
    if NUMBER.fullmatch(text) is None:
        raise SourceError(name, f"expected a number, got {text[:40]!r}")
    return int(text)


RELEASE = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")
UNKNOWN_RELEASE = (0, 0)  # older than any

Release = tuple[int, int]


def read_kernel_release(procfs: Path) -> Release:
    """Return the first two numbers of the release, such as (6, 1); raises SourceError.

    A distribution may have backported newer features to an older release.
    """
    return parse_kernel_release(read_sysctl(procfs, "kernel.osrelease") or "")


def parse_kernel_release(text: str) -> Release:
    """Parse "6.1.0-18-amd64"; UNKNOWN_RELEASE if it does not begin with two numbers."""
    match = RELEASE.match(text)
    return (int(match[1]), int(match[2])) if match else UNKNOWN_RELEASE
