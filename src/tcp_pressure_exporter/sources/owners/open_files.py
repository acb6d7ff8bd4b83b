"""How many descriptors a process has open, and how many it may have (RLIMIT_NOFILE)."""

import os
import re
from itertools import islice
from pathlib import Path

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import OpenFiles
from tcp_pressure_exporter.sources.procfs.files import read_proc_file

LIMIT = re.compile(r"^Max open files +(?P<soft>[0-9]{1,20}|unlimited) ", re.MULTILINE)
LIMITS_BYTES = 4096  # the file has some 1,400
MOST_LISTED = 65_536  # links to count one by one; about 1 µs each


def open_files(procfs: Path, pid: int) -> OpenFiles | None:
    """Return the descriptors of a process; None if it is gone, or not readable."""
    folder = procfs / str(pid)
    try:
        text = read_proc_file("limits", f"{folder}/limits", LIMITS_BYTES)
        limit = None if text is None else parse_limit(text)
        return None if limit is None else OpenFiles(_open(folder / "fd"), limit)
    except (OSError, SourceError):
        return None


def parse_limit(text: str) -> int | None:
    """Return the soft limit of open files; None for none (fs/proc/base.c, proc_pid_limits)."""
    match = LIMIT.search(text)
    return None if match is None or match["soft"] == "unlimited" else int(match["soft"])


def _open(folder: Path) -> int:
    """Return the number of descriptors: since Linux 6.2 the folder's size, before that its entries.

    Source: fs/proc/fd.c, proc_fd_getattr.
    """
    if size := folder.stat().st_size:
        return size
    with os.scandir(folder) as links:
        return sum(1 for _ in islice(links, MOST_LISTED))
