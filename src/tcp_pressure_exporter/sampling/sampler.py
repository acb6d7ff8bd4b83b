"""The sampler of one network namespace, and which parts its samples have."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from tcp_pressure_exporter.facts.outcome import attempt
from tcp_pressure_exporter.facts.questions import Missing, Sources
from tcp_pressure_exporter.sample.sample import Key, NamespaceSample
from tcp_pressure_exporter.sampling.parts.findings import refusals
from tcp_pressure_exporter.sampling.parts.part import Kit, MakePart, Memory, Part, Reading
from tcp_pressure_exporter.settings.config import Config

Parts = Mapping[Key[Any], Part[Any]]


class Wanted(NamedTuple):
    """A wanted part: how it is made, and whether for the exporter's own namespace only."""

    make: MakePart
    own_alone: bool = False


def make_parts(
    wanted: Mapping[Key[Any], Wanted], kit: Kit
) -> tuple[dict[Key[Any], Part[Any]], dict[str, str]]:
    """Return the available parts and, by collector's name, why the others are not."""
    parts: dict[Key[Any], Part[Any]] = {}
    left_out: dict[str, str] = {}
    for key, (make, _own_alone) in wanted.items():
        made = make(kit)
        if isinstance(made, Missing):
            left_out[key.name] = made.reason
        else:
            parts[key] = made
    return parts, left_out


class NamespaceSampler:
    """Samples one namespace again and again.

    parts: those wanted and available, in the order in which a sample shows them.
    """

    def __init__(
        self,
        netns: str,
        sources: Sources,
        memory: Memory,
        parts: Parts,
        clock: Callable[[], float],
    ) -> None:
        self._netns = netns
        self._sources = sources
        self._memory = memory
        self._parts = parts
        self._order = in_order(parts)
        self._clock = clock

    def take(self, config: Config) -> NamespaceSample:
        """Return a sample; if a source fails, its collectors have no value."""
        reading = Reading(self._sources, self._memory, self._clock, config)
        for key in self._order:
            part = self._parts[key]
            reading.put(key, attempt(partial(part.take, reading), self._clock))
        taken = {key: outcome for key in self._parts if (outcome := reading.taken(key))}
        return NamespaceSample(self._netns, taken)

    def drops(self) -> Mapping[str, int]:
        """Return the kernel's counts of drops and refusals; empty if it has none."""
        numbers = self._sources.numbers
        if isinstance(numbers, Missing):
            return {}
        return refusals(attempt(numbers.statistics, self._clock).value or {})

    def close(self) -> None:
        """Close whatever the sources have open."""
        self._sources.close()


def in_order(parts: Parts) -> list[Key[Any]]:
    """Return the parts to take, those that others need first; those lacking one are left out."""
    needed = dict.fromkeys(key for part in parts.values() for key in part.needs)
    order = [key for key in (*needed, *parts) if key in parts]
    return [key for key in dict.fromkeys(order) if all(need in parts for need in parts[key].needs)]
