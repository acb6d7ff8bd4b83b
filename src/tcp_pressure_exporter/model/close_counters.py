"""Counters of closes that never fall, though the pools that are shown come and go."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from tcp_pressure_exporter.model.grouping import Key
from tcp_pressure_exporter.model.usage import Usage

MAX_REMEMBERED = 256  # pools per direction: those shown, and the latest of those shown before


@dataclass(frozen=True, slots=True)
class CloseCounters:
    """Closes since the start: of all pools together, and of each pool since it was first shown.

    pools: in the order in which they were last shown.
    """

    total: int = 0
    pools: Mapping[Key, int] = field(default_factory=dict)

    def after(
        self, entered: int, usages: Mapping[Key, Usage], shown: Collection[Key]
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
