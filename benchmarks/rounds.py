"""Interleaved rounds: every contender in turn, the floor before and after each."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.contenders import Contender
from benchmarks.population import Population, count_sockets
from benchmarks.timing import Timing

# A contender that takes this long in a case is left out of that case's further rounds.
ENOUGH_SECONDS = 15.0
SLOWEST_ROUND_PER_SOCKET = 35e-6  # seconds: what a first round may take, including psutil


@dataclass(frozen=True, slots=True)
class Measured:
    """One timing, the number of sockets it covered, and the floor's timings around it."""

    timing: Timing
    sockets: int
    floor_before: Timing
    floor_after: Timing

    @property
    def ratio(self) -> float:
        """The wall time as a multiple of the floor's."""
        return self.timing.wall * 2 / (self.floor_before.wall + self.floor_after.wall)


def measure_rounds(
    contenders: Sequence[Contender],
    population: Population,
    rounds: int,
    progress: Callable[[str], None],
) -> dict[str, list[Measured]]:
    """Measure all contenders `rounds` times; the first is the floor. Raises BenchmarkError."""
    floor, *others = contenders
    for contender in contenders:
        contender.take()  # loads what it loads lazily
    results: dict[str, list[Measured]] = {contender.name: [] for contender in contenders}
    expected = 2 + population.shape.sockets * SLOWEST_ROUND_PER_SOCKET
    for number in range(1, rounds + 1):
        population.stay(expected)
        progress(f"round {number} of {rounds}, {count_sockets():,} sockets")
        started = time.monotonic()
        in_time = [c for c in others if _seconds(results[c.name]) < ENOUGH_SECONDS]
        for name, measured in _one_round(floor, in_time):
            results[name].append(measured)
        expected = 1.2 * (time.monotonic() - started) + 0.5
    return results


def _one_round(floor: Contender, others: Sequence[Contender]) -> list[tuple[str, Measured]]:
    measured = []
    before, after = floor.take(), floor.take()
    measured.append((floor.name, Measured(after, count_sockets(), before, before)))
    for contender in others:
        before, sockets = after, count_sockets()
        timing, after = contender.take(), floor.take()
        measured.append((contender.name, Measured(timing, sockets, before, after)))
    return measured


def _seconds(measured: Sequence[Measured]) -> float:
    return sum(one.timing.wall for one in measured)
