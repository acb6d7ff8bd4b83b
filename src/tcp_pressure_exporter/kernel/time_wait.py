"""The sysctls that decide what becomes of TIME_WAIT entries: when a connect() may take one over."""

from dataclasses import dataclass
from pathlib import Path

from tcp_pressure_exporter.kernel.sysctl import parse_int, read_sysctl, read_sysctl_int

DELAY = "net.ipv4.tcp_tw_reuse_delay"
DEFAULT_DELAY_MS = 1_000  # kernels without that sysctl wait a second
# How long a closed connection blocks its port at most: TCP_TIMEWAIT_LEN (include/net/tcp.h), and
# the batch in which the timer wheel expires such timers (kernel/time/timer.c): 2.05 s at HZ=250.
TIME_WAIT_HOLD = 62.05


@dataclass(frozen=True, slots=True)
class TimeWaitReuse:
    """Where connect() may take over a TIME_WAIT entry, and `delay_ms` after its start.

    hold: seconds that an entry keeps its port at most. told: whether the system tells what
    connect() takes over; else nothing is taken to be.
    Source: net/ipv4/tcp_ipv4.c, tcp_twsk_unique.
    """

    everywhere: bool
    on_loopback: bool
    delay_ms: int = DEFAULT_DELAY_MS
    hold: float = TIME_WAIT_HOLD
    told: bool = True


def read_time_wait_reuse(procfs: Path) -> TimeWaitReuse:
    """Read net.ipv4.tcp_tw_reuse, tcp_timestamps and tcp_tw_reuse_delay; raises SourceError."""
    mode = read_sysctl_int(procfs, "net.ipv4.tcp_tw_reuse")
    timestamps = read_sysctl_int(procfs, "net.ipv4.tcp_timestamps")
    delay = read_sysctl(procfs, DELAY)
    return time_wait_reuse(mode, timestamps, None if delay is None else parse_int(DELAY, delay))


def time_wait_reuse(mode: int, timestamps: int, delay_ms: int | None) -> TimeWaitReuse:
    """Return what the three values mean together; without timestamps nothing is reused."""
    return TimeWaitReuse(
        everywhere=mode == 1 and timestamps != 0,
        on_loopback=mode != 0 and timestamps != 0,
        delay_ms=DEFAULT_DELAY_MS if delay_ms is None else delay_ms,
    )
