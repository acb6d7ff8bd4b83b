"""What a process takes: memory, descriptors, threads, at one moment and over parts of the time."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

PARTS = 5  # of the time; the first is warm-up


class Size(NamedTuple):
    """What a process takes at one moment, and the most memory that it ever took."""

    resident_kb: int
    peak_kb: int
    descriptors: int
    threads: int


class Part(NamedTuple):
    """A part of the time: the median of the memory, the most descriptors and threads."""

    resident_kb: float
    descriptors: int
    threads: int


def size_of(pid: int) -> Size:
    """Return what a process takes now."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return Size(
        int(status["VmRSS"].split()[0]),
        int(status["VmHWM"].split()[0]),
        len(list(Path(f"/proc/{pid}/fd").iterdir())),
        int(status["Threads"]),
    )


def parts_of(sizes: Sequence[Size]) -> list[Part]:
    """Return the sizes by parts of the time, in order."""
    length = len(sizes) // PARTS
    assert length, "too short a time"
    parts = (sizes[start * length : (start + 1) * length] for start in range(PARTS))
    return [
        Part(
            median(size.resident_kb for size in part),
            max(size.descriptors for size in part),
            max(size.threads for size in part),
        )
        for part in parts
    ]


def rss_by_parts(parts: Sequence[Part]) -> list[float]:
    """Return the memory of each part in MiB."""
    return [round(part.resident_kb / 1024, 1) for part in parts]
