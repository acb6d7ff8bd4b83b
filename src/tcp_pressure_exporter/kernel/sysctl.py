"""Reads sysctls below /proc/sys; the caller's network namespace answers for net.*."""

from pathlib import Path

from tcp_pressure_exporter.kernel.errors import SourceError

MAX_TEXT_BYTES = 65_536  # the longest, ip_local_reserved_ports, is cut by the kernel before that


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
    try:
        return int(text)
    except ValueError as error:
        raise SourceError(name, f"expected a number, got {text[:40]!r}") from error
