"""Small text files of /proc, each read with one system call and no more bytes than it may have."""

import os

from tcp_pressure_exporter.kernel.errors import SourceError


def read_proc_file(operation: str, path: str, max_bytes: int) -> str | None:
    """Return the ASCII text of a file, or None where there is none.

    Raises SourceError under the name of the operation where it exists but cannot be read, or has
    `max_bytes` or more.
    """
    try:
        text = _read_once(path, max_bytes).decode("ascii")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(operation, getattr(error, "strerror", None) or str(error)) from error
    if len(text) >= max_bytes:
        raise SourceError(operation, f"{max_bytes} bytes or more")
    return text


def _read_once(path: str, max_bytes: int) -> bytes:
    """Read at a third of what a file object costs: a sample reads some forty such files.

    One read: many sysctls have nothing more to say to a second one.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, max_bytes)
    finally:
        os.close(descriptor)
