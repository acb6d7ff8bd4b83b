"""Counters of the few owners that matter most: which are listed, and who makes room for whom."""

import heapq
import math
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

HALF_LIFE = 300.0  # seconds: what "lately" means
FORGOTTEN = 0.01  # events lately, of an owner that is not listed
MAX_REMEMBERED = 4096  # owners that are not listed
# One that is listed stays until another has had this many times its recent events.
INCUMBENT_BONUS = 1.5

Row = TypeVar("Row", bound=Hashable)
Name = TypeVar("Name", bound=tuple[object, ...])

# Which of two matters more: by events lately, among equals one that is listed.
Rank = tuple[float, bool, Name]
Choose = Callable[[Mapping[Name, Rank[Name]]], Collection[Name]]


def risen(before: Mapping[Row, int], now: Mapping[Row, int]) -> Iterator[tuple[Row, int]]:
    """Yield each row that counted more since, and how much more."""
    for row, count in now.items():
        more = count - before.get(row, 0)
        if more > 0:
            yield row, more


class _Lately(NamedTuple):
    """Events of an owner, of which those of a HALF_LIFE before `at` count half."""

    events: float
    at: float

    def by(self, now: float) -> float:
        return self.events * math.exp2((self.at - now) / HALF_LIFE)


@dataclass(frozen=True, slots=True)
class OwnerCounters(Generic[Name]):
    """The counts of the owners that are listed, and how many events each owner had lately."""

    listed: Mapping[Name, int] = field(default_factory=dict)
    lately: Mapping[Name, _Lately] = field(default_factory=dict)

    def after(
        self, new: Mapping[Name, int], choose: Choose[Name], now: float
    ) -> "OwnerCounters[Name]":
        """Return the counters after one more sample.

        new: the events since the last one. choose: returns the names to list, of those given with
        their ranks. An owner that is listed again begins with what is new.
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
    """Return what is known of those that are listed, and of the others that still matter."""
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
    """Return the names of the highest rank, the foremost first."""
    return heapq.nlargest(top, names, key=lambda name: ranks[name])
