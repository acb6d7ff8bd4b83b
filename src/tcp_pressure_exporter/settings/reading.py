"""Reading a configuration file: bytes → text → YAML → what a msgspec type says it must be."""

import os
from pathlib import Path
from stat import S_ISREG
from typing import Any, BinaryIO, TypeVar

import msgspec

from tcp_pressure_exporter.settings.errors import ConfigError, explain
from tcp_pressure_exporter.settings.strict_yaml import YamlError, parse_yaml

MAX_BYTES = 1024 * 1024
_T = TypeVar("_T")


def read_bytes(path: Path, key: str | None = None) -> bytes:
    """Read a file of at most 1 MiB. Raises ConfigError, which names the key or else the file.

    One that somebody writes while it is read is refused: half of it may be good, too.
    """
    place, prefix = (str(path), "") if key is None else (key, f"{path}: ")
    try:
        with path.open("rb") as file:
            before = _version(file)
            data = file.read(MAX_BYTES + 1)
            changed = _version(file) != before
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else None
        raise ConfigError(place, f"{prefix}{reason or error}") from error
    if changed:
        raise ConfigError(place, f"{prefix}was written while it was read")
    if len(data) > MAX_BYTES:
        raise ConfigError(place, f"{prefix}larger than {MAX_BYTES} bytes")
    return data


def _version(file: BinaryIO) -> tuple[int, int]:
    """Return what changes when a file is written in place; of a pipe nothing."""
    status = os.fstat(file.fileno())
    return (status.st_mtime_ns, status.st_size) if S_ISREG(status.st_mode) else (0, 0)


def read_text(path: Path) -> str:
    """Read a file of at most 1 MiB of UTF-8. Raises ConfigError."""
    data = read_bytes(path)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), f"not UTF-8 at byte {error.start}") from error


def yaml_document(text: str) -> Any:
    """Parse YAML; an empty text is an empty mapping. Raises ConfigError with line and column."""
    try:
        document = parse_yaml(text)
    except YamlError as error:
        place = f"line {error.line}, column {error.column}"
        raise ConfigError(place, str(error)) from error
    return {} if document is None else document


def converted(document: Any, kind: type[_T]) -> _T:
    """Check a document against a type. Raises ConfigError, which names the key."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise explain(error) from error
