"""Takes samples of one network namespace: one part after the other, each for itself."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tcp_pressure_exporter.facts.outcome import attempt
from tcp_pressure_exporter.facts.questions import Sources
from tcp_pressure_exporter.sample.sample import Key, NamespaceSample
from tcp_pressure_exporter.sampling.parts.part import Memory, Part, Reading
from tcp_pressure_exporter.settings.config import Config

Parts = Mapping[Key[Any], Part[Any]]


class NamespaceSampler:
    """Samples one namespace again and again.

    parts: those that are wanted and to be had, in the order in which a sample shows them.
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
        """Return a sample; a source that fails leaves its collectors without a value."""
        reading = Reading(self._sources, self._memory, self._clock, config)
        for key in self._order:
            part = self._parts[key]
            reading.put(key, attempt(partial(part.take, reading), self._clock))
        taken = {key: outcome for key in self._parts if (outcome := reading.taken(key))}
        return NamespaceSample(self._netns, taken)

    def close(self) -> None:
        """Let go what the sources have open."""
        self._sources.close()


def in_order(parts: Parts) -> list[Key[Any]]:
    """Return the parts to take: first what others build on, and nothing that lacks its ground."""
    needed = dict.fromkeys(key for part in parts.values() for key in part.needs)
    order = [key for key in (*needed, *parts) if key in parts]
    return [key for key in dict.fromkeys(order) if all(need in parts for need in parts[key].needs)]
