"""What the next sample of a direction's pools needs to know of the ones before."""

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

Ratio = TypeVar("Ratio", float, tuple[float, str])  # alone, or with the name of what is so full

# (time, value) of samples inside the window, values falling: each is the highest from then on.
HighWater = tuple[tuple[float, Ratio], ...]


def raised(previous: HighWater[Ratio], now: float, value: Ratio) -> HighWater[Ratio]:
    """Return the marks after one more value; the first of them is the highest of the window."""
    begin = now - HIGH_WATER_SECONDS
    marks = [mark for mark in previous if mark[0] > begin and mark[1] > value]
    marks.append((now, value))
    return tuple(marks)


GROWTH_SECONDS = 10.0  # seconds: as long as the closes are averaged over
MIN_DISTANCE = 1.0  # seconds: over less, the growth of some sockets says nothing
MIN_RATIO = 0.01  # a pool that is less used is looked at again long before it is full


@dataclass(frozen=True, slots=True)
class PoolHistory:
    """The pools at some earlier times, the oldest first."""

    moments: tuple[tuple[float, Mapping[PoolKey, Usage]], ...] = ()

    def growth(self, key: PoolKey, live: int, now: float) -> float:
        """Return by how many ports per second `live` has grown over the window.

        Without growth that has ended. Where there was no sample in the window, since the last
        one. 0 where the pool is new: what it began with may have been there all the time.
        """
        known = self._window(key, now)
        return lasting_growth([(now - t, live - then.live) for t, then in known]) if known else 0.0

    def share_taking_ports(self, key: PoolKey, usage: Usage, now: float) -> float:
        """Return which share of the closes over the window took a port: at most, from 0 to 1.

        As many did as there are more ports in TIME_WAIT, and as came back meanwhile. 1 where that
        is not known: of a new pool, or where a port may come and go within the window.
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
        """Return the pool at the moments in the window, else at the last; the latest first."""
        known = [
            (then, pools[key])
            for then, pools in reversed(self.moments)
            if key in pools and now - then >= MIN_DISTANCE
        ]
        # A sample may come a little late.
        inside = [moment for moment in known if now - moment[0] <= GROWTH_SECONDS + MIN_DISTANCE]
        return inside or known[:1]

    def after(self, now: float, pools: Mapping[PoolKey, Usage]) -> "PoolHistory":
        """Return the history with one sample more, without those that are too old."""
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
    """What was listed, what was counted, how the pools went, and the highest ratios."""

    listed: Collection[ListedKey] = ()
    closes: CloseCounters = field(default_factory=CloseCounters)
    history: PoolHistory = field(default_factory=PoolHistory)
    ratios: HighWater[float] = ()

    @property
    def watched(self) -> list[PoolKey]:
        """The pools that must be told apart, so that their counters miss nothing."""
        return [key for key in self.closes.pools if isinstance(key, PoolKey)]
