"""Processes with a growing number of sockets in CLOSE_WAIT, and when they run out of descriptors.

Each leaked socket keeps a descriptor. Their ages show how fast their number grows, so one sample is
enough: it shows how many of the stuck sockets came in the last few minutes.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tcp_pressure_exporter.facts.sockets import OpenFiles, Owner
from tcp_pressure_exporter.pools.usage import clearly_fewer

WINDOW = 600.0  # seconds: older sockets say little about the current rate
SHORTEST = 30.0  # seconds: over less, a leak cannot be told from a slow close
FEWEST = 10  # sockets
MAX_LEAKS = 3


class StuckSocket(NamedTuple):
    """A stuck socket: the process that has it, the owner of that, and its age in seconds."""

    pid: int
    owner: Owner
    age: float


class Leak(NamedTuple):
    """A process that leaks. growth: sockets per second. files: None where they may not be read."""

    owner: Owner
    sockets: int
    growth: float
    files: OpenFiles | None = None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until it has no descriptor left, 0 if it has none; None if not known."""
        if self.files is None:
            return None
        return max(self.files.limit - self.files.open, 0) / self.growth


def leaks(sockets: Iterable[StuckSocket]) -> list[tuple[int, Leak]]:
    """Return the processes that leak, the fastest first, each with its process id."""
    ages: dict[tuple[int, Owner], list[float]] = {}
    for socket in sockets:
        ages.setdefault((socket.pid, socket.owner), []).append(socket.age)
    found = [
        (pid, Leak(owner, len(each), rate))
        for (pid, owner), each in ages.items()
        if (rate := growth(each)) > 0
    ]
    return sorted(found, key=lambda one: -one[1].growth)[:MAX_LEAKS]


def growth(ages: Sequence[float]) -> float:
    """Return how many more there are per second; 0 for few, and if the growth has ended.

    The mean over WINDOW, or since the oldest; the mean over the later half if clearly less.
    """
    window = min(max(ages, default=0.0), WINDOW)
    if len(ages) < FEWEST or window < SHORTEST:
        return 0.0
    came = sum(age < window for age in ages)
    lately = sum(age < window / 2 for age in ages)
    if clearly_fewer(lately, came / 2):
        return lately / (window / 2)
    return came / window if came else 0.0
