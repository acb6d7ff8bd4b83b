"""An initramfs: files of the host, or of another root, as a cpio archive that Linux unpacks.

Source: Documentation/driver-api/early-userspace/buffer-format.rst ("newc").
"""

import os
import stat
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

MAGIC = b"070701"
TRAILER = "TRAILER!!!"
ELF = b"\x7fELF"
ALIGNMENT = 4


class Entry(NamedTuple):
    """One file: the bits of its type and permissions, and its content (for a link, its target)."""

    mode: int
    content: bytes = b""
    modified: int = 0


DIRECTORY = Entry(stat.S_IFDIR | 0o755)


class Initramfs:
    """The files by path; a path through links adds the links and what they lead to."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._entries: dict[str, Entry] = {}

    def put(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Put a file that is not from the host."""
        self._directories(Path(path).parent)
        self._entries[path] = Entry(stat.S_IFREG | mode, content)

    def directory(self, path: str) -> None:
        """Make an empty directory."""
        self._directories(Path(path))

    def add(self, path: Path) -> None:
        """Add a file under its own path, with any links that lead to it."""
        for parent in reversed(path.parents):
            if self._link(parent, path.relative_to(parent)):
                return
        if self._link(path, Path()):
            return
        if not self._host(path).exists():
            return  # a link may lead nowhere
        self._directories(path.parent)
        status = self._host(path).stat()
        content = self._host(path).read_bytes()
        self._entries[str(path)] = Entry(status.st_mode, content, int(status.st_mtime))

    def _link(self, path: Path, rest: Path) -> bool:
        """Add a link and what `rest` is below it; return whether there is a link."""
        if not self._host(path).is_symlink():
            return False
        self.add_link(path)
        target = self._host(path).readlink()
        self.add(Path(os.path.normpath(path.parent / target / rest)))
        return True

    def _host(self, path: Path) -> Path:
        return self._root / path.relative_to("/")

    def _directories(self, path: Path) -> None:
        for folder in (*path.parents, path):
            self._entries.setdefault(str(folder), DIRECTORY)

    def add_link(self, path: Path) -> None:
        """Add a link without its target."""
        self._directories(path.parent)
        target = bytes(self._host(path).readlink())
        self._entries[str(path)] = Entry(stat.S_IFLNK | 0o777, target)

    def add_tree(self, folder: Path, without: Sequence[str] = ()) -> None:
        """Add all files below a folder, except files and folders with certain names."""
        for parent, folders, files in os.walk(self._host(folder)):
            folders[:] = _others(folders, without)
            for path in (Path(parent, name) for name in folders):
                if path.is_symlink():
                    self.add_link(Path("/", path.relative_to(self._root)))
            for name in _others(files, without):
                self.add(Path("/", Path(parent, name).relative_to(self._root)))

    def add_libraries(self) -> None:
        """Add the shared libraries that the programs and libraries here need."""
        paths = [path for path, entry in self._entries.items() if entry.content[:4] == ELF]
        for path in _libraries(paths):
            self.add(path)

    def archive(self) -> bytes:
        """Return the archive."""
        entries = sorted(self._entries.items())  # a directory before what is in it
        parts = [
            _record(number, path.lstrip("/") or ".", e)
            for number, (path, e) in enumerate(entries, 1)
        ]
        return b"".join((*parts, _record(0, TRAILER, Entry(0))))


def _others(names: Iterable[str], without: Sequence[str]) -> list[str]:
    return [name for name in names if not any(fnmatch(name, pattern) for pattern in without)]


def _libraries(paths: Iterable[str]) -> Iterator[Path]:
    """Yield the shared libraries, and the loader, that ldd(1) shows."""
    shown = subprocess.run(["ldd", *paths], capture_output=True, text=True, check=False).stdout
    for line in shown.splitlines():
        words = line.split()
        found = words[2] if words[1:2] == ["=>"] else words[0] if words else ""
        if found.startswith("/") and not found.endswith(":"):
            yield Path(found)


def _record(inode: int, name: str, entry: Entry) -> bytes:
    size, name_size = len(entry.content), len(name.encode()) + 1
    fields = (inode, entry.mode, 0, 0, 1, entry.modified, size, 0, 0, 0, 0, name_size, 0)
    head = MAGIC + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return _padded(head) + _padded(entry.content)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % ALIGNMENT)
