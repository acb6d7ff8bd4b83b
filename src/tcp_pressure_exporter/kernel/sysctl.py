"""Reads sysctls below /proc/sys; the caller's network namespace answers for net.*."""

import re
from pathlib import Path

from tcp_pressure_exporter.kernel.errors import SourceError

# The kernel allocates and clears what a reader offers, at every read: offer little.
MAX_TEXT_BYTES = 4_096
NUMBER = re.compile("-?[0-9]{1,20}")  # 64 bits


def read_sysctl(procfs: Path, name: str, max_bytes: int = MAX_TEXT_BYTES) -> str | None:
    """Return the text of a sysctl without its newline, or None where the kernel has none.

    Raises SourceError where it exists but cannot be read, or is longer than `max_bytes`.
    """
    path = procfs / "sys" / name.replace(".", "/")
    try:
        with path.open("rb", buffering=0) as file:
            # One read: many sysctls have nothing more to say to a second one.
            text = file.read(max_bytes).decode("ascii")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(name, getattr(error, "strerror", None) or str(error)) from error
    if len(text) >= max_bytes:
        raise SourceError(name, f"{max_bytes} bytes or more")
    return text.strip()


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
