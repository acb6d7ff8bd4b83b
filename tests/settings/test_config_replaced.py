"""The configuration file while it is being written."""

import io
import os
import threading
from pathlib import Path, PosixPath
from typing import Any

import pytest

from tcp_pressure_exporter.settings.config import load_config
from tcp_pressure_exporter.settings.reading import ConfigError

OLD, NEW = "pools: {top: 3}\n", "pools: {top: 4}\n# and more\n"


class Interrupted(io.FileIO):
    """A file that gets a new end while it is read."""

    def read(self, size: int | None = -1, /) -> Any:
        data = super().read(size)
        with Path(str(self.name)).open("a") as file:
            file.write("groups: []\n")
        return data


class InterruptedPath(PosixPath):
    """A path to such a file."""

    def open(self, *_arguments: Any, **_named: Any) -> Any:
        return Interrupted(str(self))


def test_written_while_it_is_read(tmp_path: Path) -> None:
    """A file written in place while it is read is refused, although what was read is valid."""
    path = tmp_path / "config.yml"
    path.write_text(OLD)
    with pytest.raises(ConfigError, match=r"config\.yml: changed while it was being read"):
        load_config(InterruptedPath(path))
    assert load_config(path).listing.top == 3


def test_replaced_by_rename(tmp_path: Path) -> None:
    """A file that is replaced by rename is the old one or the new one, both whole."""
    path, new = tmp_path / "config.yml", tmp_path / "new.yml"
    path.write_text(OLD)
    with path.open("rb") as opened:
        new.write_text(NEW)
        new.rename(path)
        assert opened.read().decode() == OLD
    assert load_config(path).listing.top == 4


def test_pipe(tmp_path: Path) -> None:
    """A pipe, whose times change with each byte, is read like a file."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(OLD,))
    writer.start()
    assert load_config(path).listing.top == 3
    writer.join()
