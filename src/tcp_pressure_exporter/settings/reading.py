"""Reading a configuration file: bytes → text → YAML → a checked type; errors name the key."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from stat import S_ISREG
from typing import Any, BinaryIO, TypeVar

import msgspec
from msgspec import ValidationError

from tcp_pressure_exporter.escaping import escape_controls
from tcp_pressure_exporter.settings.allowed import allowed_keys, allowed_value
from tcp_pressure_exporter.settings.nearest import did_you_mean

KEY_LENGTH = 200  # characters shown; a key may be as long as the file
NOUNS = {
    "int": "an integer",
    "float": "a number",
    "str": "a string",
    "bool": "a boolean",
    "null": "nothing",
    "object": "a mapping",
    "array": "a list",
}
# msgspec has one exception for all errors, so only its text tells them apart. These are the texts
# for the types of the file.
PLACE = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<key>[^`]*)`)?", re.DOTALL)
UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`", re.DOTALL)
MISSING = re.compile(r"Object missing required field `(?P<field>\w+)`")
WRONG_TYPE = re.compile(r"Expected `(?P<expected>[\w |]+)`, got `(?P<got>\w+)`")
BOUND = re.compile(r"Expected `\w+` [<>]= [0-9.]+")


class ConfigError(ValueError):
    """The configuration file cannot be used. Its text is one line, `PLACE: KEY: reason`.

    place: the file, and the line in it; "" until the file is known.
    """

    def __init__(self, key: str, reason: str, place: str = "") -> None:
        self.key = key[:KEY_LENGTH]
        self.reason = reason
        where = f"{place}: " if place else ""
        super().__init__(escape_controls(f"{where}{self.key}: {reason}"))


def located(error: ConfigError, path: Path, text: str) -> ConfigError:
    """Return the error with the file and the line of the key in front."""
    from tcp_pressure_exporter.settings.strict_yaml import line_of  # noqa: PLC0415 - as below

    line = line_of(text, error.key)
    place = str(path) if line is None else f"{path}: line {line}"
    return ConfigError(error.key, error.reason, place)


def explain(error: ValidationError, kind: type) -> ConfigError:
    """Turn msgspec's `Expected X, got Y - at $.path` into a ConfigError.

    kind: the type of the whole file; it tells what would be allowed.
    """
    match = PLACE.fullmatch(str(error))
    assert match is not None  # its first part takes any text
    key, what = match["key"] or "", match["what"]
    for pattern in (UNKNOWN, MISSING):
        if field := pattern.fullmatch(what):
            name = field["field"]
            reason = _unknown(name, allowed_keys(kind, key)) if pattern is UNKNOWN else "is missing"
            return ConfigError(f"{key}.{name}".lstrip("."), reason)
    return ConfigError(key or "top level", _reason(what, allowed_value(kind, key)))


def _unknown(name: str, known: Sequence[str]) -> str:
    return f"unknown key{did_you_mean(name, known)} (known here: {', '.join(known)})"


def _reason(what: str, allowed: str) -> str:
    if wrong := WRONG_TYPE.fullmatch(what):
        return f"must be {allowed}, got {_got(wrong)}"
    if BOUND.fullmatch(what):
        return f"must be {allowed}"
    if what == "Expected `array` of length >= 1":
        return "must not be empty"
    return what


def _got(wrong: re.Match[str]) -> str:
    if wrong["expected"] == "int" and wrong["got"] == "float":
        return "a number with a fraction"
    return NOUNS[wrong["got"]]


MAX_BYTES = 1024 * 1024
_T = TypeVar("_T")


def read_bytes(path: Path, key: str | None = None) -> bytes:
    """Read a file of at most 1 MiB. Raises ConfigError, which names the key, or else the file.

    A file that changes while it is read is refused: half a file may be valid as well.
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
        raise ConfigError(place, f"{prefix}changed while it was being read")
    if len(data) > MAX_BYTES:
        raise ConfigError(place, f"{prefix}larger than {MAX_BYTES} bytes")
    return data


def _version(file: BinaryIO) -> tuple[int, int]:
    """Return what changes when a file is written in place; nothing does for a pipe."""
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
    # PyYAML takes a megabyte: not for those who have no file.
    from tcp_pressure_exporter.settings.strict_yaml import (  # noqa: PLC0415 - see above
        YamlError,
        parse_yaml,
    )

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
        raise explain(error, kind) from error
