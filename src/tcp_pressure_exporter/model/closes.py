"""The flight recorder: what the ages of TIME_WAIT entries tell about the closes of the last minute.

An entry starts at 60 s and counts down, so one dump holds the moment of every close of the last
minute, whatever the interval between dumps. A histogram of ages is AGE_SECONDS native unsigned
ints: entry n counts the closes of n to n + 1 seconds ago. It misses entries that are gone before
their minute is over: reused by a connect() or a SYN, reset, or refused by tcp_max_tw_buckets.
"""

import sys
from array import array
from collections.abc import Iterable, Sequence

from tcp_pressure_exporter.facts.tally import NO_AGES

RATE_SECONDS = 10  # long enough for a steady figure, short enough to follow a change
WHOLE_SECONDS = 60  # the last second of the minute is cut short by the end of TIME_WAIT


def closes_each_second(ages: bytes) -> Sequence[int]:
    """Return the closes of each second, the latest first."""
    return array("I", ages)


def closes_per_second(ages: bytes) -> float:
    """Return the closes per second over the last RATE_SECONDS, or as far as the ages go."""
    latest = closes_each_second(ages)[:RATE_SECONDS]
    return sum(latest) / len(latest)


def peak_closes(ages: bytes) -> int:
    """Return the most closes in any one second of the last minute."""
    return max(closes_each_second(ages)[:WHOLE_SECONDS])


def summed(histograms: Iterable[bytes]) -> bytes:
    """Add histograms up.

    Each is added as one long number, which adds all its counts at once: none of them grows beyond
    its 32 bits, for there are not so many sockets. All have the same length.
    """
    added = list(histograms)
    total = sum(int.from_bytes(ages, sys.byteorder) for ages in added)
    return total.to_bytes(max(map(len, added), default=len(NO_AGES)), sys.byteorder)
