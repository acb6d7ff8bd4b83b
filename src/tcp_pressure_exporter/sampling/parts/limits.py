"""The finite resources of the kernel beside ports."""

from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.sampling.parts.part import Kit, Reading


class LimitsPart:
    """Remembers nothing."""

    needs = ()

    def take(self, reading: Reading) -> tuple[Resource, ...]:
        """Return what is used of each, and its limit; raises SourceError."""
        return reading.resources.get()


def limits_part(kit: Kit) -> LimitsPart | Missing:
    """Return the part, where the kernel tells its numbers."""
    numbers = kit.sources.numbers
    return numbers if isinstance(numbers, Missing) else LimitsPart()
