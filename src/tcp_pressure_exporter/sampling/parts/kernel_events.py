"""The kernel's own counters, all of them: collectors/kernel_events.py chooses."""

from collections.abc import Mapping

from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sampling.parts.part import Asked, Kit


def kernel_events_part(kit: Kit) -> Asked[Mapping[str, int]] | Missing:
    """Return the part if the kernel gives its numbers."""
    numbers = kit.sources.numbers
    if isinstance(numbers, Missing):
        return numbers
    return Asked(lambda reading: reading.statistics.get())
