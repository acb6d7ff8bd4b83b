"""The kernel's own counters."""

from collections.abc import Mapping

from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sampling.parts.part import Kit, Reading


class KernelEventsPart:
    """Remembers nothing."""

    needs = ()

    def take(self, reading: Reading) -> Mapping[str, int]:
        """Return all counters under the kernel's names; raises SourceError."""
        return reading.statistics.get()


def kernel_events_part(kit: Kit) -> KernelEventsPart | Missing:
    """Return the part, where the kernel tells its numbers."""
    numbers = kit.sources.numbers
    return numbers if isinstance(numbers, Missing) else KernelEventsPart()
