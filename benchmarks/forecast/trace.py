"""What a run saw of its pools, as kept in traces.json: one poll per line."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.results import Machine


class Poll(NamedTuple):
    """A pool `time` seconds after the start of its load.

    ages: ports in TIME_WAIT, by whole seconds since they entered it, without trailing zeros.
    """

    time: float
    ports: int
    time_wait: int
    ages: tuple[int, ...]

    @property
    def live(self) -> int:
        """Ports of connections that are not closed."""
        return self.ports - self.time_wait


@dataclass(frozen=True, slots=True)
class Trace:
    """One pool, polled every second.

    full_at: when the first connect() failed for lack of a port, if one did.
    """

    name: str
    limit: int
    full_at: float | None
    polls: list[Poll]

    def every(self, seconds: int) -> list[Poll]:
        """Return the polls a slower poller would have made before the pool was full."""
        end = math.inf if self.full_at is None else self.full_at
        return [poll for poll in self.polls[::seconds] if poll.time < end]


@dataclass(frozen=True, slots=True)
class Experiment:
    """All pools of one run, and the machine it ran on."""

    machine: Machine
    traces: list[Trace]


def save(experiment: Experiment, path: Path) -> None:
    """Write the traces."""
    path.write_text("".join(_lines(experiment)))


def load(path: Path) -> Experiment:
    """Read what `save` wrote; raises OSError and msgspec.ValidationError."""
    return msgspec.json.decode(path.read_bytes(), type=Experiment)


def _lines(experiment: Experiment) -> Iterator[str]:
    yield f'{{"machine": {_json(experiment.machine)},\n"traces": ['
    for number, trace in enumerate(experiment.traces):
        yield ",\n" if number else "\n"
        yield f'{{"name": {_json(trace.name)}, "limit": {trace.limit}, '
        yield f'"full_at": {_json(trace.full_at)}, "polls": [\n'
        yield ",\n".join(map(_json, trace.polls))
        yield "\n]}"
    yield "\n]}\n"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
