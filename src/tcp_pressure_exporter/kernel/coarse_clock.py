"""The clock that ticks with the kernel's own: what TIME_WAIT timers are set by."""

import time

CLOCK_MONOTONIC_COARSE = 6  # include/uapi/linux/time.h; Python's time module has no name for it


def coarse_ms() -> int:
    """Return CLOCK_MONOTONIC_COARSE in milliseconds: the time of the kernel's latest tick.

    `expires` in an inet_diag message is a number of ticks (jiffies), so that this time less the
    age of an entry names the same tick at every dump, whatever moment it was taken at.
    """
    return time.clock_gettime_ns(CLOCK_MONOTONIC_COARSE) // 1_000_000
