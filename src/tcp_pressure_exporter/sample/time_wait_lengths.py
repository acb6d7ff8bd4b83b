"""How long TIME_WAIT lasts: what the setting says, checked against what its entries show.

An entry keeps the length that it began with. So there are two lengths after a change of the
setting, until the old entries are over; and an entry with more left than the setting allows shows
that the setting was different before, or that the kernel does not follow it.
"""

import math
from dataclasses import dataclass, replace

from tcp_pressure_exporter.facts.time_wait import (
    MAX_LENGTH_MS,
    TCP_TIMEWAIT_LEN_MS,
    TimeWaitLengths,
)

CLOCK_ERROR = 1.0  # seconds: by how much the ends of two simultaneous entries may seem to differ
TICK_ERROR = 0.02  # seconds: two ticks at HZ=100; lengths are whole seconds


@dataclass(frozen=True, slots=True)
class KnownLengths:
    """What is known about the lengths; times are seconds on the sampler's clock.

    setting_ms: what the setting says; None before it was read. length_ms: of entries that begin
    now; other_ms: of those that began before a change. over: when the last of those will be over.
    """

    setting_ms: int | None = None
    length_ms: int = TCP_TIMEWAIT_LEN_MS
    other_ms: int = TCP_TIMEWAIT_LEN_MS
    over: float = -math.inf

    @property
    def lengths(self) -> TimeWaitLengths:
        """The lengths that the entries of a dump may have."""
        return TimeWaitLengths(*sorted((self.length_ms, self.other_ms)))

    def with_setting(self, setting_ms: int, now: float) -> "KnownLengths":
        """Return what is known once the setting is read, before a dump."""
        if self.setting_ms is None:
            return KnownLengths(setting_ms, setting_ms, setting_ms)
        if setting_ms != self.setting_ms:
            over = now + self.length_ms / 1000
            return KnownLengths(setting_ms, setting_ms, self.length_ms, over)
        if now > self.over:
            return KnownLengths(setting_ms, setting_ms, setting_ms)
        return self

    def with_shown(self, left_ms: int, began: float, ended: float) -> "KnownLengths":
        """Return what is known after a dump that lasted from `began` to `ended`.

        left_ms: the most that any of its entries had left. The first one with too much may have
        begun before a change that was not noticed. One that ends later than those known so far
        began since then: so the kernel does not follow the setting.
        """
        left = left_ms / 1000
        shown_ms = min(math.ceil(left - TICK_ERROR) * 1000, MAX_LENGTH_MS)
        if self.setting_ms is None or shown_ms <= self.setting_ms:
            return self
        if self.other_ms <= self.setting_ms:
            return replace(self, other_ms=shown_ms, over=ended + left)
        if began + left <= self.over + CLOCK_ERROR:
            return self
        length_ms = max(shown_ms, self.other_ms)
        return replace(self, length_ms=length_ms, other_ms=length_ms, over=ended + left)
