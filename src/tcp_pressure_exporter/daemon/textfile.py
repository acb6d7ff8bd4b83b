"""One sample as a file, for node_exporter's textfile collector.

The collector serves whatever *.prom file it finds, even a half-written or year-old one. So the file
is replaced as a whole, and removed if a run does not write one.
"""

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MODE = 0o644  # node_exporter runs as another user


def replace_file(path: Path, content: bytes) -> None:
    """Write the content to the file, readable by others: all at once, or not at all.

    Raises OSError, also if there is something other than a file, such as /dev/null.
    """
    if os.path.lexists(path) and _regular(path) is None:
        raise FileExistsError(errno.EEXIST, "exists and is not a regular file")
    # Next to it, as rename(2) stays within a file system; under a name that node_exporter skips.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        new.chmod(_MODE)  # before it is in place
        new.replace(path)
    except BaseException:
        new.unlink()
        raise


@contextmanager
def new_or_absent(path: Path) -> Iterator[None]:
    """Remove the file at the end of the block, however that ends, unless the block replaced it."""
    before = _regular(path)
    try:
        yield
    finally:
        if before is not None and _regular(path) == before:
            with suppress(OSError):  # the run has already failed, and says why
                path.unlink()


def _regular(path: Path) -> tuple[int, int] | None:
    """Return what identifies the regular file now at a path; None if there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None
