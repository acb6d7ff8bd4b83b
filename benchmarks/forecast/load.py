"""What an application does to a pool over time: connections on a schedule, random or even."""

import random
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple


class Phase(NamedTuple):
    """New connections per second, changing linearly from `first` to `last` over `seconds`."""

    seconds: float
    first: float
    last: float


class Stream(NamedTuple):
    """Connections of one kind; each is closed `hold` seconds after it was made; inf: never."""

    phases: tuple[Phase, ...]
    hold: float = 0.0


class Scenario(NamedTuple):
    """One load; without `even`, connections come at random, like those of independent clients.

    server_closes: the server closes first, so TIME_WAIT is at the server, and the client's next
    connection from that port takes it over.
    """

    name: str
    streams: tuple[Stream, ...]
    even: bool = False
    server_closes: bool = False

    @property
    def seconds(self) -> float:
        """How long the load lasts."""
        return max(sum(phase.seconds for phase in stream.phases) for stream in self.streams)


def steady(seconds: float, rate: float) -> Phase:
    """Return a phase whose rate does not change."""
    return Phase(seconds, rate, rate)


def connections_due(stream: Stream, time: float) -> float:
    """Return how many connections the stream has made, on average, after `time` seconds."""
    due = 0.0
    for phase in stream.phases:
        elapsed = min(time, phase.seconds)
        change = (phase.last - phase.first) / phase.seconds
        due += phase.first * elapsed + change * elapsed**2 / 2
        time -= elapsed
    return due


def arrivals(*, even: bool, seed: str) -> Iterator[float]:
    """Yield how many must be due for the next connection to come: 1, 2, 3, …, or a Poisson process.

    The same seed gives the same arrivals on every machine.
    """
    if even:
        yield from map(float, count(1))
    source = random.Random(seed)  # noqa: S311 - for traffic, not secrets
    due = 0.0
    while True:
        due += source.expovariate(1.0)
        yield due
