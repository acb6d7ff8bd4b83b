"""How long TIME_WAIT holds a port, when a connect() may take it over before, and who leaves it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

TCP_TIMEWAIT_LEN = 60  # seconds: include/net/tcp.h, what it lasts where no setting says otherwise
TCP_TIMEWAIT_LEN_MS = 1000 * TCP_TIMEWAIT_LEN
MAX_LENGTH_MS = 600_000  # the longest that net.ipv4.tcp_tw_timeout allows
DEFAULT_DELAY_MS = 1_000  # kernels without that sysctl wait for the next second
DEFAULT_TICK = 0.004  # seconds: HZ=250

# The timer wheel, kernel/time/timer.c: level n begins at 63 << (3 × (n − 1)) ticks ahead, and
# there timers expire together every 8^n ticks.
LVL_BITS, LVL_CLK_SHIFT, LVL_DEPTH = 6, 3, 9


def timer_batch(seconds: float, tick: float) -> float:
    """Return how late, in seconds, a timer of that length may expire: with the others of its batch.

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
    """How long TIME_WAIT lasts, in milliseconds; two lengths only while a change goes through.

    An entry keeps the length that it began with, and tells what is left of it. One with more left
    than `shorter_ms` began with `longer_ms`. Of the others that is not known; just after a change
    all of them are of the shorter length.
    """

    shorter_ms: int = TCP_TIMEWAIT_LEN_MS
    longer_ms: int = TCP_TIMEWAIT_LEN_MS

    def age_ms(self, left_ms: int) -> int:
        """Return for how long an entry has been there that has so much left; 0 at the least."""
        length = self.shorter_ms if left_ms <= self.shorter_ms else self.longer_ms
        return max(length - left_ms, 0)

    @property
    def age_seconds(self) -> int:
        """Whole seconds that an entry can be old, 0 included: as long are histograms of ages."""
        return self.longer_ms // 1000 + 1


DEFAULT_LENGTHS = TimeWaitLengths()


def same_length(milliseconds: int) -> TimeWaitLengths:
    """Return a length that all entries have."""
    return TimeWaitLengths(milliseconds, milliseconds)


@dataclass(frozen=True, slots=True)
class TimeWaitReuse:
    """How long entries last, where connect() may take one over, and `delay_ms` after its start.

    whole_seconds: it does so as soon as the kernel's clock, in whole seconds, shows a later one
    than when the entry began, and `delay_ms` is what that takes at most. told: whether the system
    tells what connect() takes over; else nothing is taken to be. tick: as in timer_batch.
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
        """Seconds that an entry may still keep its port when its time is over."""
        return timer_batch(self.lengths.longer_ms / 1000, self.tick)

    @property
    def hold(self) -> float:
        """Seconds that an entry keeps its port at most."""
        return self.lengths.longer_ms / 1000 + self.batch


def time_wait_reuse(mode: int, timestamps: int, delay_ms: int | None) -> TimeWaitReuse:
    """Return what the three values mean together; without timestamps nothing is reused.

    delay_ms: None where the kernel has no such setting, as before Linux 6.14: there an entry gives
    way in the next second of the clock.
    """
    return TimeWaitReuse(
        everywhere=mode == 1 and timestamps != 0,
        on_loopback=mode != 0 and timestamps != 0,
        delay_ms=DEFAULT_DELAY_MS if delay_ms is None else delay_ms,
        whole_seconds=delay_ms is None,
    )


# Which local ports an outbound connection may be from.
CHOSEN = "chosen"  # those that connect() chooses from
PRIVILEGED = "privileged"  # below 1024
OUTSIDE = "outside"  # others that connect() does not choose


class ActiveClose(NamedTuple):
    """Active closes (RFC 9293, section 3.6) of one pool, by one process.

    generation: a row counts from 0 in each; a later one takes over where the kernel's table was
    emptied. accepted: whether the connections were accepted here, so that the pool is an inbound
    one. local_ports: of an outbound one. local_address to scope: as PoolKey has them.
    cgroup_id: of the closing process, as SocketId has it. process: the name of its thread group,
    any Unicode text.
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
    """Active closes that found no row; generation, accepted: as of an ActiveClose."""

    generation: int
    accepted: bool


@dataclass(frozen=True, slots=True)
class CloseCounts:
    """The active closes in one network namespace; within a generation no number ever falls.

    unnamed: those that found no room among `rows`. lost: those that found no room at all, since
    the beginning and of whatever namespace.
    """

    rows: Mapping[ActiveClose, int]
    unnamed: Mapping[UnnamedCloses, int]
    lost: int = 0
