"""A listening unix socket, and the file that stands for it."""

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

_MODE = 0o660  # connecting takes the right to write: that of the owner and of the group


class UnixListener(socket.socket):
    """A non-blocking listener at a path; its file goes when it is closed.

    A file that a process left behind when it died is replaced, one that somebody listens on is
    not. Raises OSError.
    """

    def __init__(self, path: Path, backlog: int) -> None:
        super().__init__(socket.AF_UNIX, socket.SOCK_STREAM)
        self._path = path
        self._file: tuple[int, int] | None = None
        try:
            _remove_stale(path)
            self.bind(str(path))
            self._file = _identity(path)
            # Before anyone can connect: until listen() the kernel refuses.
            path.chmod(_MODE)
            self.listen(backlog)
        except OSError:
            self.close()
            raise
        self.settimeout(0)

    def close(self) -> None:
        """Close, and remove the file unless another process has put its own in its place."""
        file, self._file = self._file, None
        if file is not None and file == _identity(self._path):
            with suppress(OSError):  # the folder has become read-only: the next start replaces it
                self._path.unlink()
        super().close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None  # gone, or out of reach: not ours to remove
    return found.st_dev, found.st_ino


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "there is a file that is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)  # a full queue is an answer, too
        refused = probe.connect_ex(str(path)) == errno.ECONNREFUSED
    if not refused:
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    path.unlink()
