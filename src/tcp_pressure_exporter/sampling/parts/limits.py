"""The kernel's finite resources other than ports."""

from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.sampling.parts.part import Asked, Kit


def limits_part(kit: Kit) -> Asked[tuple[Resource, ...]] | Missing:
    """Return the part if the kernel gives its numbers."""
    numbers = kit.sources.numbers
    if isinstance(numbers, Missing):
        return numbers
    return Asked(lambda reading: reading.resources.get())
