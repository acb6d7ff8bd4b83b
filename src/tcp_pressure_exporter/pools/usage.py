"""How much of one pool is used, and what its TIME_WAIT ports' ages tell about the last minute.

An entry starts at the length of TIME_WAIT and counts down, so one dump holds the moment of every
close since then, whatever the interval between dumps. A histogram of ages is native unsigned ints:
entry n counts the closes of n to n + 1 seconds ago, and the last one everything older, as the end
of TIME_WAIT cuts it short. It misses entries that went before their time was over: reused by a
connect() or a SYN, reset, or refused by tcp_max_tw_buckets.
"""

import math
import sys
from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse

RATE_SECONDS = 10  # long enough for a steady figure, short enough to follow a change
LATEST_SECONDS = 5  # with less, a recurring burst would be forgotten before it returns
JITTER = 0.5  # seconds by which a sample may come early
CLEAR = 3.0  # standard errors of a Poisson process: hardly explained by chance
PEAK_SECONDS = 60


def closes_each_second(ages: bytes) -> Sequence[int]:
    """Return the closes of each second, the latest first."""
    return array("I", ages)


def whole_seconds(each_second: Sequence[int]) -> Sequence[int]:
    """Return the whole seconds: all but the last."""
    return each_second[: max(len(each_second) - 1, 1)]


def closes_per_second(ages: bytes) -> float:
    """Return the closes per second over the last RATE_SECONDS, or as far back as the ages go."""
    latest = whole_seconds(closes_each_second(ages))[:RATE_SECONDS]
    return sum(latest) / len(latest)


def clearly_fewer(seen: float, expected: float) -> bool:
    """Tell whether there were fewer events than `expected` by more than chance explains."""
    return expected - seen > CLEAR * math.sqrt(expected)


def lasting_closes(each_second: Sequence[int]) -> float:
    """Return the ongoing closes per second: without those of a burst that is over.

    The mean of RATE_SECONDS, or of LATEST_SECONDS where that is clearly less; 0 after a whole
    second without any in which some were due. each_second: the latest first.
    """
    window = whole_seconds(each_second)[:RATE_SECONDS]
    latest = window[:LATEST_SECONDS]
    rate = sum(window) / len(window)
    if not latest[0] and clearly_fewer(0, rate):
        return 0.0
    fewer = clearly_fewer(sum(latest), rate * len(latest))
    return sum(latest) / len(latest) if fewer else rate


def lasting_growth(since: Sequence[tuple[float, int]]) -> float:
    """Return the ongoing growth of a pool in live ports per second, by the same rules.

    The mean since the earliest sample, or since a later one where that is clearly less: over the
    last LATEST_SECONDS, or over less if there was no growth at all. since: (seconds ago, increase
    of live ports since then) for samples, the latest first.
    """
    seconds, grown = since[-1]
    rate = grown / seconds
    for seconds, grown in since:
        tells = grown <= 0 or seconds >= LATEST_SECONDS - JITTER
        if tells and clearly_fewer(max(grown, 0), max(rate, 0.0) * seconds):
            return grown / seconds
    return rate


def may_have_ended(each_second: Sequence[int], hold: float, batch: float, seconds: float) -> int:
    """Return an upper bound of the entries that TIME_WAIT has released after that many seconds.

    Ages are in whole seconds, so an entry may be up to a second older, and it ends up to `batch`
    before `hold`. each_second: as from closes_each_second.
    """
    youngest = math.floor(hold - batch - 1 - seconds) + 1
    return sum(each_second[max(youngest, 0) : math.ceil(hold)])


def peak_closes(ages: bytes) -> int:
    """Return the most closes in any one second of the last minute."""
    return max(whole_seconds(closes_each_second(ages))[:PEAK_SECONDS])


def summed(histograms: Iterable[bytes]) -> bytes:
    """Add up histograms.

    Each is added as one long number, which adds all its counts at once: none overflows its 32 bits,
    as there are not that many sockets. All have the same length.
    """
    added = list(histograms)
    total = sum(int.from_bytes(ages, sys.byteorder) for ages in added)
    return total.to_bytes(max(map(len, added), default=0), sys.byteorder)


_NO_SETTING = TimeWaitReuse(everywhere=False, on_loopback=False)


UNKNOWN_LIMIT = 10_000  # ports: without a known limit, a pool with 100 ranks like one at 1 %


class Usage(NamedTuple):
    """Ports of one pool.

    used: no new connection can take them now; limit: how many the choosing side has, None where
    that is not known.
    time_wait: held only by TIME_WAIT, the reclaimable ones included; None where the system does not
    show them, and `used` lacks them.
    reclaimable: in TIME_WAIT, but a connect() would take them over; None where that cannot happen.
    refused: in TIME_WAIT and used, though by the rules a connect() would take them over: the
    kernel's answers about some ports showed that. None where it was not asked.
    entered: ports that entered TIME_WAIT since the previous sample.
    ages: a histogram as described above; None where it is not known.
    hold: the most seconds for which TIME_WAIT keeps a port from the choosing side; it may be up to
    `batch` less. reused: by the rules, TIME_WAIT keeps it only until a connect() takes it over.
    blocked: used ports that bound sockets and listeners hold, whatever the destination.
    """

    used: int
    limit: int | None
    time_wait: int | None
    reclaimable: int | None
    entered: int = 0
    ages: bytes | None = None
    hold: float = _NO_SETTING.hold
    blocked: int = 0
    refused: int | None = None
    batch: float = _NO_SETTING.batch
    reused: bool = False

    @property
    def ratio(self) -> float:
        """Used ÷ limit; a pool without any port is full, one without a known limit never is."""
        if self.limit is None:
            return 0.0
        return self.used / self.limit if self.limit else 1.0

    @property
    def rank(self) -> float:
        """The sort key of pools: the ratio, or where the limit is not known a stand-in for it."""
        return self.used / UNKNOWN_LIMIT if self.limit is None else self.ratio

    @property
    def live(self) -> int:
        """Used ports that are not in TIME_WAIT."""
        return self.used - (self.time_wait or 0) + (self.reclaimable or 0)

    @property
    def mostly_time_wait(self) -> bool:
        """Whether TIME_WAIT alone holds more than half of the used ports."""
        return is_mostly(self.time_wait, self.used)

    @property
    def mostly_blocked(self) -> bool:
        """Whether bound sockets and listeners hold more than half of the used ports."""
        return is_mostly(self.blocked, self.used)

    def refusing(self, refused: int | None) -> "Usage":
        """Return the same pool with that many more of its reclaimable ports refused."""
        if refused is None:
            return self
        return self._replace(
            used=self.used + refused,
            reclaimable=(self.reclaimable or 0) - refused,
            refused=_added(self.refused, refused),
        )

    def plus(self, other: "Usage") -> "Usage":
        """Return both pools as one."""
        return Usage(
            self.used + other.used,
            None if self.limit is None or other.limit is None else self.limit + other.limit,
            None if self.time_wait is None else self.time_wait + (other.time_wait or 0),
            None if self.reclaimable is None else self.reclaimable + (other.reclaimable or 0),
            self.entered + other.entered,
            None if self.ages is None else summed(filter(None, (self.ages, other.ages))),
            max(self.hold, other.hold),
            self.blocked + other.blocked,
            _added(self.refused, other.refused),
            max(self.batch, other.batch),
            self.reused and other.reused,
        )


def _added(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)


def is_mostly(part: float | None, whole: int | None) -> bool:
    """Tell whether a part is more than half of the whole; False if either is not known."""
    return whole is not None and 2 * (part or 0) > whole
