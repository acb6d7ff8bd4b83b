"""Which pools get series of their own, so that the number of series is bounded and none flaps."""

import heapq
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

# A pool that is listed stays until another is this much fuller, or until its ratio falls to
# this share of the threshold: two pools that are equally full do not take turns.
INCUMBENT_BONUS = 1.1
LEAVE_SHARE = 0.8

Key = TypeVar("Key", bound=Hashable)
Usage = TypeVar("Usage")


@dataclass(frozen=True, slots=True)
class Listing:
    """The `top` fullest pools per direction and namespace are listed, from `min_ratio` on."""

    top: int = 10
    min_ratio: float = 0.01

    @property
    def leave_ratio(self) -> float:
        """The ratio below which no pool is listed."""
        return self.min_ratio * LEAVE_SHARE


def select(
    usages: Mapping[Key, Usage],
    ratio: Callable[[Usage], float],
    listing: Listing,
    incumbents: Collection[Key],
) -> list[Key]:
    """Return the keys to list, fullest first; `incumbents` are those listed at the last sample."""
    candidates = []
    for key, usage in usages.items():
        value = ratio(usage)
        listed = key in incumbents
        if value >= listing.min_ratio * (LEAVE_SHARE if listed else 1.0):
            # At ratio 0 the bonus is nothing: being listed decides between equal scores.
            score = (value * (INCUMBENT_BONUS if listed else 1.0), listed)
            candidates.append((score, value, key))
    chosen = heapq.nlargest(listing.top, candidates, key=lambda candidate: candidate[0])
    return [key for _score, _value, key in sorted(chosen, key=lambda c: c[1], reverse=True)]
