"""Which few of many get series of their own: a bounded number, without flapping."""

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from tcp_pressure_exporter.facts.sockets import NOBODY, Owner

# A listed pool stays until another is this much fuller, or until its ratio falls to this share of
# the threshold: so two equally full pools do not take turns.
INCUMBENT_BONUS = 1.1
LEAVE_SHARE = 0.8

Candidate = TypeVar("Candidate", bound=Hashable)
Measured = TypeVar("Measured")


@dataclass(frozen=True, slots=True)
class ListingRule:
    """The `top` fullest pools per direction and namespace are listed, from `min_ratio` up."""

    top: int = 10
    min_ratio: float = 0.01

    def without(self, pools: int) -> "ListingRule":
        """Return the rule that lists that many fewer pools, but one at least if this lists any."""
        return replace(self, top=max(self.top - pools, min(self.top, 1)))

    @property
    def leave_ratio(self) -> float:
        """The ratio below which no pool is listed."""
        return self.min_ratio * LEAVE_SHARE


def select(
    usages: Mapping[Candidate, Measured],
    ratio: Callable[[Measured], float],
    listing: ListingRule,
    incumbents: Collection[Candidate],
) -> list[Candidate]:
    """Return the keys to list, fullest first; `incumbents` are those listed at the last sample."""
    candidates = []
    for key, usage in usages.items():
        value = ratio(usage)
        listed = key in incumbents
        if value >= listing.min_ratio * (LEAVE_SHARE if listed else 1.0):
            # At a ratio of 0 the bonus is 0 too: of equal scores, the one already listed wins.
            score = (value * (INCUMBENT_BONUS if listed else 1.0), listed)
            candidates.append((score, value, key))
    chosen = heapq.nlargest(listing.top, candidates, key=lambda candidate: candidate[0])
    return [key for _score, _value, key in sorted(chosen, key=lambda c: c[1], reverse=True)]


Name = TypeVar("Name", bound=Hashable)


class OwnerCount(NamedTuple):
    """An owner, and how many of the sockets it has."""

    owner: Owner
    sockets: int


class SeenOwner(NamedTuple):
    """An owner of sockets, or of ports.

    sockets: those seen in the latest look. seconds_ago: how long before the newest sample a look
    last saw any. closed: connections that it closed first within the last minute, leaving
    TIME_WAIT; closed_share: their share of all; None where they are not counted. refused:
    connections that the kernel refused it lately. told_by: the exporter that reported it, "" where
    this process saw it.
    """

    owner: Owner
    sockets: int
    seconds_ago: float = 0.0
    closed: int | None = None
    closed_share: float | None = None
    refused: int = 0
    told_by: str = ""

    @property
    def met(self) -> bool:
        """Whether a look saw any of its sockets; otherwise it is known only from counts."""
        return bool(self.sockets or self.seconds_ago)


def most(names: Iterable[Name], top: int, incumbents: Collection[Name]) -> list[tuple[Name, int]]:
    """Return the `top` most frequent names with their counts; `incumbents` were listed before."""
    counts = Counter(names)
    total = counts.total()
    chosen = select(counts, lambda count: count / total, ListingRule(top, 0.0), incumbents)
    return [(name, counts[name]) for name in chosen]


def most_owners(
    owners: Iterable[Owner], top: int, incumbents: Collection[Owner] = ()
) -> tuple[OwnerCount, ...]:
    """Return the owners with the most sockets; sockets whose owner is unknown do not count."""
    known = (owner for owner in owners if owner != NOBODY)
    return tuple(OwnerCount(*counted) for counted in most(known, top, incumbents))
