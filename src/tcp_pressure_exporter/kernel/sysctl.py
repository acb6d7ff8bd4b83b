"""Reads sysctls below /proc/sys; the caller's network namespace answers for net.*."""

import re
from pathlib import Path

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.kernel.proc_file import read_proc_file

# The kernel allocates and clears what a reader offers, at every read: offer little.
MAX_TEXT_BYTES = 4_096
NUMBER = re.compile("-?[0-9]{1,20}")  # 64 bits


def read_sysctl(procfs: Path, name: str, max_bytes: int = MAX_TEXT_BYTES) -> str | None:
    """Return the text of a sysctl without its newline, or None where the kernel has none.

    Raises SourceError where it exists but cannot be read, or is longer than `max_bytes`.
    """
    text = read_proc_file(name, f"{procfs}/sys/{name.replace('.', '/')}", max_bytes)
    return None if text is None else text.strip()


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
