"""How many events each name had in the last minute, which is how long TIME_WAIT lasts."""

import heapq
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

MINUTE = 60.0  # seconds
STEP = 5.0  # seconds: faster samples share a step, to keep the steps few
NAMED = 64  # names in a step: those with the most events

Name = TypeVar("Name", bound=Hashable)


class _Step(NamedTuple, Generic[Name]):
    """Events between two times on a clock."""

    begin: float
    end: float
    events: Mapping[Name, int]


@dataclass(frozen=True, slots=True)
class LastMinute(Generic[Name]):
    """The steps of the last minute in which there were events, the oldest first."""

    steps: tuple[_Step[Name], ...] = ()

    def after(self, new: Mapping[Name, int], now: float) -> "LastMinute[Name]":
        """Return what is known after another sample with these new events."""
        steps = tuple(step for step in self.steps if now - step.end < MINUTE)
        if not new:
            return LastMinute(steps)
        begin, events = now, Counter(new)
        if steps and now - steps[-1].begin < STEP:
            begin = steps[-1].begin
            events.update(steps[-1].events)
            steps = steps[:-1]
        most = heapq.nlargest(NAMED, events, key=lambda name: events[name])
        return LastMinute((*steps, _Step(begin, now, {name: events[name] for name in most})))

    def counts(self) -> Mapping[Name, int]:
        """Return the events of each name."""
        total: Counter[Name] = Counter()
        for step in self.steps:
            total.update(step.events)
        return total
