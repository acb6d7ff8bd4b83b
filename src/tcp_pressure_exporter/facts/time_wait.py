"""How long TIME_WAIT holds a port, when connect() may take it over earlier, and who causes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

TCP_TIMEWAIT_LEN = 60  # seconds: include/net/tcp.h, the length unless a setting says otherwise
TCP_TIMEWAIT_LEN_MS = 1000 * TCP_TIMEWAIT_LEN
MAX_LENGTH_MS = 600_000  # the longest that net.ipv4.tcp_tw_timeout allows
DEFAULT_DELAY_MS = 1_000  # kernels without that sysctl wait for the next second
DEFAULT_TICK = 0.004  # seconds: HZ=250

# The timer wheel, kernel/time/timer.c: level n begins 63 << (3 × (n − 1)) ticks ahead, and its
# timers expire together every 8^n ticks.
LVL_BITS, LVL_CLK_SHIFT, LVL_DEPTH = 6, 3, 9


def timer_batch(seconds: float, tick: float) -> float:
    """Return how late, in seconds, a timer of that length may expire, together with its batch.

    tick: 1/HZ, in seconds; 0 on a system without such a wheel.
    """
    if not tick:
        return 0.0
    ticks = round(seconds / tick)
    level = 0
    while level < LVL_DEPTH - 1 and ticks >= ((1 << LVL_BITS) - 1) << (LVL_CLK_SHIFT * level):
        level += 1
    return float((1 << LVL_CLK_SHIFT * level) * tick)


class TimeWaitLengths(NamedTuple):
    """How long TIME_WAIT lasts, in milliseconds; two lengths only while a change takes effect.

    An entry keeps the length that it began with, and shows only what is left of it. One with more
    left than `shorter_ms` began with `longer_ms`. For the others the length is not known; they are
    taken to have the shorter one.
    """

    shorter_ms: int = TCP_TIMEWAIT_LEN_MS
    longer_ms: int = TCP_TIMEWAIT_LEN_MS

    def age_ms(self, left_ms: int) -> int:
        """Return the age of an entry with that much time left; never below 0."""
        length = self.shorter_ms if left_ms <= self.shorter_ms else self.longer_ms
        return max(length - left_ms, 0)

    @property
    def age_seconds(self) -> int:
        """How many ages in whole seconds there are, from 0: the length of their histograms."""
        return self.longer_ms // 1000 + 1


DEFAULT_LENGTHS = TimeWaitLengths()


def same_length(milliseconds: int) -> TimeWaitLengths:
    """Return the lengths where all entries have the same one."""
    return TimeWaitLengths(milliseconds, milliseconds)


@dataclass(frozen=True, slots=True)
class TimeWaitReuse:
    """How long entries last, and where connect() may take one over, `delay_ms` after it began.

    whole_seconds: it may do so as soon as the kernel's clock, in whole seconds, has moved on since
    the entry began; `delay_ms` is the longest that this takes. told: whether the system tells what
    connect() takes over; if not, nothing is assumed to be taken over. tick: as in timer_batch.
    Source: net/ipv4/tcp_ipv4.c, tcp_twsk_unique.
    """

    everywhere: bool
    on_loopback: bool
    delay_ms: int = DEFAULT_DELAY_MS
    whole_seconds: bool = False
    lengths: TimeWaitLengths = DEFAULT_LENGTHS
    tick: float = DEFAULT_TICK
    told: bool = True

    @property
    def batch(self) -> float:
        """Seconds for which an entry may still keep its port after its time is over."""
        return timer_batch(self.lengths.longer_ms / 1000, self.tick)

    @property
    def hold(self) -> float:
        """The longest that an entry keeps its port, in seconds."""
        return self.lengths.longer_ms / 1000 + self.batch


def time_wait_reuse(mode: int, timestamps: int, delay_ms: int | None) -> TimeWaitReuse:
    """Return what the three values mean together; without timestamps nothing is reused.

    delay_ms: None where the kernel has no such setting, which came with Linux 6.14: there an entry
    gives way in the next second of the clock.
    """
    return TimeWaitReuse(
        everywhere=mode == 1 and timestamps != 0,
        on_loopback=mode != 0 and timestamps != 0,
        delay_ms=DEFAULT_DELAY_MS if delay_ms is None else delay_ms,
        whole_seconds=delay_ms is None,
    )


# Which local ports an outbound connection may use.
CHOSEN = "chosen"  # those that connect() chooses from
PRIVILEGED = "privileged"  # below 1024
OUTSIDE = "outside"  # others that connect() does not choose


class ActiveClose(NamedTuple):
    """Active closes (RFC 9293, section 3.6) in one pool, by one process.

    generation: each time the kernel's table is emptied, a new one begins and rows count from 0
    again. accepted: whether the connections were accepted here, so that the pool is an inbound one.
    local_ports: of an outbound pool. local_address to scope: as in PoolKey.
    cgroup_id: of the closing process, as in SocketId. process: the name of its thread group, any
    Unicode text.
    """

    generation: int
    accepted: bool
    local_address: bytes
    remote_address: bytes
    port: bytes
    scope: int
    local_ports: str
    cgroup_id: int
    process: str


class UnnamedCloses(NamedTuple):
    """Active closes for which there was no row; generation, accepted: as in ActiveClose."""

    generation: int
    accepted: bool


@dataclass(frozen=True, slots=True)
class CloseCounts:
    """The active closes in one network namespace; within a generation the numbers never fall.

    unnamed: those for which `rows` had no room. lost: those for which there was no room at all, in
    any namespace since the beginning.
    """

    rows: Mapping[ActiveClose, int]
    unnamed: Mapping[UnnamedCloses, int]
    lost: int = 0
