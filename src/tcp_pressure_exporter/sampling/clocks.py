"""The clocks of the sampling loop."""

import sys
import time
from collections.abc import Callable
from typing import NamedTuple


def seconds_since_boot() -> float:
    """Return CLOCK_BOOTTIME in seconds (clock_gettime(2)): CLOCK_MONOTONIC and all suspends.

    On the monotonic clock a sample from before a suspend may pass for a fresh one: other systems
    have no better one under a name that they share.
    """
    if sys.platform != "linux":
        return time.monotonic()
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Clocks(NamedTuple):
    """What the loop knows of time, each in seconds.

    wall: since the epoch; it may step. boot: by which samples age. monotonic: by which the loop
    waits, and measures how long a sample takes. cpu: of the calling thread.
    """

    wall: Callable[[], float] = time.time
    boot: Callable[[], float] = seconds_since_boot
    monotonic: Callable[[], float] = time.monotonic
    cpu: Callable[[], float] = time.thread_time
