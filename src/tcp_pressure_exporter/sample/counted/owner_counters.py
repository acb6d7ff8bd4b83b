"""Counters of the few owners that matter most: which are listed, and which replaces which."""

import heapq
import math
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

HALF_LIFE = 300.0  # seconds: what "lately" means
FORGOTTEN = 0.01  # recent events: an unlisted owner with fewer is forgotten
MAX_REMEMBERED = 4096  # owners that are not listed
# A listed owner stays until another has this many times its recent events.
INCUMBENT_BONUS = 1.5

Row = TypeVar("Row", bound=Hashable)
Name = TypeVar("Name", bound=tuple[object, ...])

# Which of two matters more: the one with more recent events, or of equals the one listed.
Rank = tuple[float, bool, Name]
Choose = Callable[[Mapping[Name, Rank[Name]]], Collection[Name]]


def risen(before: Mapping[Row, int], now: Mapping[Row, int]) -> Iterator[tuple[Row, int]]:
    """Yield each row whose count has risen since, and by how much."""
    for row, count in now.items():
        more = count - before.get(row, 0)
        if more > 0:
            yield row, more


class _Lately(NamedTuple):
    """Events of an owner; those a HALF_LIFE before `at` count half."""

    events: float
    at: float

    def by(self, now: float) -> float:
        return self.events * math.exp2((self.at - now) / HALF_LIFE)


@dataclass(frozen=True, slots=True)
class OwnerCounters(Generic[Name]):
    """The counts of the listed owners, and how many events each owner had lately."""

    listed: Mapping[Name, int] = field(default_factory=dict)
    lately: Mapping[Name, _Lately] = field(default_factory=dict)

    def after(
        self, new: Mapping[Name, int], choose: Choose[Name], now: float
    ) -> "OwnerCounters[Name]":
        """Return the counters after another sample.

        new: the events since the last one. choose: returns the names to list out of those given
        with their ranks. An owner that is listed again starts from its new events.
        """
        lately = {**self.lately, **{name: self._raised(name, new[name], now) for name in new}}
        chosen = choose({name: self._rank(name, lately[name].by(now)) for name in lately})
        listed = {name: self.listed.get(name, 0) + new.get(name, 0) for name in chosen}
        return OwnerCounters(listed, _remembered(lately, listed, now))

    def _raised(self, name: Name, events: int, now: float) -> _Lately:
        before = self.lately.get(name)
        return _Lately(events + (before.by(now) if before else 0.0), now)

    def _rank(self, name: Name, events: float) -> Rank[Name]:
        listed = name in self.listed
        return events * (INCUMBENT_BONUS if listed else 1.0), listed, name


def _remembered(
    lately: Mapping[Name, _Lately], listed: Collection[Name], now: float
) -> dict[Name, _Lately]:
    """Return what is known about the listed names, and about the others that still matter."""
    others = {
        name: known
        for name, known in lately.items()
        if name not in listed and known.by(now) >= FORGOTTEN
    }
    if len(others) > MAX_REMEMBERED:
        most = heapq.nlargest(MAX_REMEMBERED, others, key=lambda name: others[name].by(now))
        others = {name: others[name] for name in most}
    return {name: lately[name] for name in listed} | others


def foremost(ranks: Mapping[Name, Rank[Name]], names: Collection[Name], top: int) -> list[Name]:
    """Return the names with the highest ranks, highest first."""
    return heapq.nlargest(top, names, key=lambda name: ranks[name])
