"""What the next sample of a direction's pools needs to know about earlier ones."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.pools.groups import ListedKey
from tcp_pressure_exporter.pools.usage import (
    Usage,
    closes_each_second,
    lasting_growth,
    may_have_ended,
)

HIGH_WATER_SECONDS = 60.0  # seconds

Ratio = TypeVar("Ratio", float, tuple[float, str])  # alone, or with the name of what is that full

# (time, value) of samples in the window, with falling values: each is the highest since its time.
HighWater = tuple[tuple[float, Ratio], ...]


def raised(previous: HighWater[Ratio], now: float, value: Ratio) -> HighWater[Ratio]:
    """Return the marks after another value; the first is the highest in the window."""
    begin = now - HIGH_WATER_SECONDS
    marks = [mark for mark in previous if mark[0] > begin and mark[1] > value]
    marks.append((now, value))
    return tuple(marks)


GROWTH_SECONDS = 10.0  # seconds: the time over which closes are averaged
MIN_DISTANCE = 1.0  # seconds: over less, growth by a few sockets says nothing
MIN_RATIO = 0.01  # below it, a pool is looked at again long before it is full


@dataclass(frozen=True, slots=True)
class PoolHistory:
    """The pools at some earlier times, the oldest first."""

    moments: tuple[tuple[float, Mapping[PoolKey, Usage]], ...] = ()

    def growth(self, key: PoolKey, live: int, now: float) -> float:
        """Return how many ports per second `live` has grown by over the window.

        Growth that has ended does not count. If there was no sample in the window, the growth is
        that since the last one. For a new pool it is 0: what it began with may have been there all
        along.
        """
        known = self._window(key, now)
        return lasting_growth([(now - t, live - then.live) for t, then in known]) if known else 0.0

    def share_taking_ports(self, key: PoolKey, usage: Usage, now: float) -> float:
        """Return at most what share of the closes in the window took a port, from 0 to 1.

        Those that did are the increase of ports in TIME_WAIT plus the ports that came back
        meanwhile. 1 where that is not known: for a new pool, or where a port may come and go within
        the window.
        """
        known = self._window(key, now)
        if not known or usage.ages is None:
            return 1.0
        then, before = known[-1]
        seconds = now - then
        closes = sum(closes_each_second(usage.ages)[: int(seconds)])
        if not closes or before.ages is None or before.hold - before.batch < seconds:
            return 1.0
        each_second = closes_each_second(before.ages)
        back = may_have_ended(each_second, before.hold, before.batch, seconds)
        took = (usage.used - usage.live) - (before.used - before.live) + back
        return min(max(took, 0) / closes, 1.0)

    def _window(self, key: PoolKey, now: float) -> list[tuple[float, Usage]]:
        """Return the pool at the moments in the window, or else the last one; the latest first."""
        known = [
            (then, pools[key])
            for then, pools in reversed(self.moments)
            if key in pools and now - then >= MIN_DISTANCE
        ]
        # The tolerance is for a sample that comes a little late.
        inside = [moment for moment in known if now - moment[0] <= GROWTH_SECONDS + MIN_DISTANCE]
        return inside or known[:1]

    def after(self, now: float, pools: Mapping[PoolKey, Usage]) -> "PoolHistory":
        """Return the history with another sample, without those that are too old."""
        moments = tuple(moment for moment in self.moments if now - moment[0] < GROWTH_SECONDS)
        if moments and now - moments[-1][0] < MIN_DISTANCE:
            return PoolHistory(moments)
        kept = {key: usage for key, usage in pools.items() if usage.ratio >= MIN_RATIO}
        return PoolHistory((*moments, (now, kept)))


MAX_REMEMBERED = 256  # pools per direction: those shown, and the latest of those shown before


@dataclass(frozen=True, slots=True)
class CloseCounters:
    """Closes since the start: of all pools together, and of each pool since it was first shown.

    pools: in the order in which they were last shown.
    """

    total: int = 0
    pools: Mapping[ListedKey, int] = field(default_factory=dict)

    def after(
        self, entered: int, usages: Mapping[ListedKey, Usage], shown: Collection[ListedKey]
    ) -> "CloseCounters":
        """Return the counters after a sample; `entered` is the sum over all pools."""
        others = [key for key in self.pools if key not in shown]
        room = max(MAX_REMEMBERED - len(shown), 0)
        kept = others[max(len(others) - room, 0) :]
        counts = {
            key: self.pools.get(key, 0) + (usages[key].entered if key in usages else 0)
            for key in (*kept, *shown)
        }
        return CloseCounters(self.total + entered, counts)


@dataclass(frozen=True, slots=True)
class PoolMemory:
    """What was listed, what was counted, how the pools developed, and the highest ratios."""

    listed: Collection[ListedKey] = ()
    closes: CloseCounters = field(default_factory=CloseCounters)
    history: PoolHistory = field(default_factory=PoolHistory)
    ratios: HighWater[float] = ()

    @property
    def watched(self) -> list[PoolKey]:
        """The pools that must keep a row of their own, so that their counters miss nothing."""
        return [key for key in self.closes.pools if isinstance(key, PoolKey)]
