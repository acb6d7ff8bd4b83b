"""How long TIME_WAIT holds a port, and when a connect() may take it over before."""

from dataclasses import dataclass

# How long TIME_WAIT lasts (include/net/tcp.h, there in ticks): no setting changes it.
TCP_TIMEWAIT_LEN = 60  # seconds
TCP_TIMEWAIT_LEN_MS = 1000 * TCP_TIMEWAIT_LEN
DEFAULT_DELAY_MS = 1_000  # kernels without that sysctl wait a second
# How long a closed connection blocks its port at most: that long, and until the end of the batch in
# which the timer wheel expires such timers (kernel/time/timer.c): 2.05 s at HZ=250.
TIMER_BATCH = 2.05
TIME_WAIT_HOLD = TCP_TIMEWAIT_LEN + TIMER_BATCH


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


def time_wait_reuse(mode: int, timestamps: int, delay_ms: int | None) -> TimeWaitReuse:
    """Return what the three values mean together; without timestamps nothing is reused."""
    return TimeWaitReuse(
        everywhere=mode == 1 and timestamps != 0,
        on_loopback=mode != 0 and timestamps != 0,
        delay_ms=DEFAULT_DELAY_MS if delay_ms is None else delay_ms,
    )
