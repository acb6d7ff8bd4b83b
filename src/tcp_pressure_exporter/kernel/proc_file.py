"""Small text files of /proc, each read with few system calls and no more bytes than it may have."""

import os

from tcp_pressure_exporter.facts.outcome import SourceError

PART_BYTES = 65_536


def read_proc_file(
    operation: str, path: str, max_bytes: int, *, in_records: bool = False
) -> str | None:
    """Return the ASCII text of a file, or None where there is none.

    in_records: the kernel writes it record by record, and gives no more than a page at once
    (fs/seq_file.c). Raises SourceError under the name of the operation where it exists but cannot
    be read, or has `max_bytes` or more.
    """
    read = _read_all if in_records else _read_once
    try:
        text = read(path, max_bytes).decode("ascii")
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


def _read_all(path: str, max_bytes: int) -> bytes:
    """Read until nothing more comes, or `max_bytes` are reached."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    text = bytearray()
    try:
        while len(text) < max_bytes and (part := os.read(descriptor, PART_BYTES)):
            text += part
    finally:
        os.close(descriptor)
    return bytes(text)
