"""What a collector's part of a sample is, and what it is made with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tcp_pressure_exporter.facts.outcome import Incomplete
from tcp_pressure_exporter.facts.questions import Missing, Sources
from tcp_pressure_exporter.sample.sample import Key
from tcp_pressure_exporter.sampling.parts.reading import Memory, Reading
from tcp_pressure_exporter.sources.owners.owners import Owners

Value_co = TypeVar("Value_co", covariant=True)


class Part(Protocol[Value_co]):
    """One collector's part of the samples of one network namespace.

    It may remember what it needs from one sample to the next.
    """

    @property
    def needs(self) -> Sequence[Key[Any]]:
        """The parts without which there is nothing to take; they are taken first."""

    def take(self, reading: Reading) -> Value_co | Incomplete[Value_co]:
        """Return the value of this sample; raises SourceError."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What a part may be made with: the sources of its namespace, and what parts share.

    memory: what is kept from dump to dump. owners: of all namespaces. procfs: where it is mounted.
    """

    sources: Sources
    memory: Memory
    owners: Owners
    clock: Callable[[], float]
    procfs: Path = Path("/proc")


MakePart = Callable[[Kit], "Part[Any] | Missing"]
