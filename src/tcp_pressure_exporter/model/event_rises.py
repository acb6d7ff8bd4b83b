"""Which of the kernel's counters rose lately: a rejection now and then is still a rejection."""

from collections.abc import Mapping
from dataclasses import dataclass, field

REMEMBERED = 600.0  # seconds


@dataclass(frozen=True, slots=True)
class EventRises:
    """The counters as of the last sample, and when each last rose (seconds on a clock)."""

    counters: Mapping[str, int] = field(default_factory=dict)
    rose: Mapping[str, float] = field(default_factory=dict)

    def after(self, counters: Mapping[str, int], now: float) -> "EventRises":
        """Return what is known after one more sample."""
        risen = {
            event: now
            for event, count in counters.items()
            if count > self.counters.get(event, count)
        }
        recent = {event: at for event, at in self.rose.items() if now - at < REMEMBERED}
        return EventRises(dict(counters), recent | risen)

    @property
    def recent(self) -> frozenset[str]:
        """The events that rose between samples of the last ten minutes."""
        return frozenset(self.rose)
