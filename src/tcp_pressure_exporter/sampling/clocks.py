"""The clock by which samples age: it goes on while the host is suspended, and never steps."""

import sys
import time


def seconds_since_boot() -> float:
    """Return CLOCK_BOOTTIME in seconds (clock_gettime(2)): CLOCK_MONOTONIC and all suspends.

    On the monotonic clock a sample from before a suspend may pass for a fresh one: other systems
    have no better one under a name that they share.
    """
    if sys.platform != "linux":
        return time.monotonic()
    return time.clock_gettime(time.CLOCK_BOOTTIME)
