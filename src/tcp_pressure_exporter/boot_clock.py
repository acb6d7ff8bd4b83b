"""The clock by which samples age: it goes on while the host is suspended, and never steps."""

import time


def seconds_since_boot() -> float:
    """Return CLOCK_BOOTTIME in seconds (clock_gettime(2)): CLOCK_MONOTONIC and all suspends.

    On the monotonic clock a sample from before a suspend would pass for a fresh one.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME)
