"""What the next sample of a direction's pools needs to know of the ones before."""

from collections.abc import Collection
from dataclasses import dataclass, field

from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.model.close_counters import CloseCounters
from tcp_pressure_exporter.model.grouping import Key
from tcp_pressure_exporter.model.growth import LiveHistory
from tcp_pressure_exporter.model.high_water import HighWater


@dataclass(frozen=True, slots=True)
class PoolMemory:
    """What was listed, what was counted, how the live ports went, and the highest ratios."""

    listed: Collection[Key] = ()
    closes: CloseCounters = field(default_factory=CloseCounters)
    live: LiveHistory = field(default_factory=LiveHistory)
    ratios: HighWater = ()

    @property
    def watched(self) -> list[PoolKey]:
        """The pools that must be told apart, so that their counters miss nothing."""
        return [key for key in self.closes.pools if isinstance(key, PoolKey)]
