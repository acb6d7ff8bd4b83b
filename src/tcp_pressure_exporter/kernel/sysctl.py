"""Reads sysctls below /proc/sys; the caller's network namespace answers for net.*."""

import re
from pathlib import Path

from tcp_pressure_exporter.kernel.errors import SourceError

MAX_TEXT_BYTES = 1_048_576  # the longest, every second port reserved one by one, is 200 kB
NUMBER = re.compile("-?[0-9]{1,20}")  # 64 bits


def read_sysctl(procfs: Path, name: str) -> str | None:
    """Return the text of a sysctl without its newline, or None where the kernel has none.

    Raises SourceError where it exists but cannot be read.
    """
    path = procfs / "sys" / name.replace(".", "/")
    try:
        with path.open("rb") as file:
            return file.read(MAX_TEXT_BYTES).decode("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(name, getattr(error, "strerror", None) or str(error)) from error


def read_sysctl_int(procfs: Path, name: str) -> int:
    """Return a sysctl that every kernel has; raises SourceError where it is absent or no number."""
    text = read_sysctl(procfs, name)
    if text is None:
        raise SourceError(name, "absent")
    return parse_int(name, text)


def parse_int(name: str, text: str) -> int:
    """Parse the decimal value of a sysctl; raises SourceError."""
    if NUMBER.fullmatch(text) is None:
        raise SourceError(name, f"expected a number, got {text[:40]!r}")
    return int(text)
