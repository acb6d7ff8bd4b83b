"""The CPU time of another process, to the nanosecond."""

import time

CPUCLOCK_SCHED = 2  # include/linux/posix-timers.h: time run, user and system


def process_cpu_seconds(pid: int) -> float:
    """Return what all threads of the process have used: clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)
