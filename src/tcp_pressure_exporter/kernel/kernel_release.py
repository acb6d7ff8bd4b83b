"""Which Linux runs: for what it does or does not, and no setting tells."""

import re
from pathlib import Path

from tcp_pressure_exporter.kernel.sysctl import read_sysctl

NUMBERS = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")
UNKNOWN = (0, 0)  # older than any

Release = tuple[int, int]


def read_kernel_release(procfs: Path) -> Release:
    """Return the first two numbers of the release, such as (6, 1); raises SourceError.

    A distribution may have put what is newer into an older release.
    """
    return parse_kernel_release(read_sysctl(procfs, "kernel.osrelease") or "")


def parse_kernel_release(text: str) -> Release:
    """Parse "6.1.0-18-amd64"; UNKNOWN where it does not begin with two numbers."""
    match = NUMBERS.match(text)
    return (int(match[1]), int(match[2])) if match else UNKNOWN
