"""Pools as a run would see them, in round numbers."""

from benchmarks.forecast.trace import Experiment, Poll, Trace
from benchmarks.results import Machine


def steady_trace(name: str, rate: int, limit: int, seconds: int) -> Trace:
    """Return a pool that takes `rate` ports a second from nothing, polled until the end."""
    polls = [Poll(now, rate * now, rate * now, (rate,) * now) for now in range(seconds)]
    full_at = limit / rate if limit < rate * seconds else None
    return Trace(name, limit, full_at, polls)


def harmless() -> Experiment:
    """Return a pool of 1,000 ports that 100 connections per second enter from 5 to 8 s."""
    closed = [100 * max(0, min(now - 5, 3)) for now in range(30)]
    polls = [
        Poll(now, used, used, (*[0] * max(now - 8, 0), *[100] * (used // 100)))
        for now, used in enumerate(closed)
    ]
    return Experiment(experiment().machine, [Trace("batch", 1000, None, polls)])


def experiment() -> Experiment:
    machine = Machine("2024-05-06", "A CPU", 2, "6.1.0", 262_144, {"exporter": "1.2"})
    fills = steady_trace("constant, 80/s", 80, 3000, 43)
    fits = steady_trace("burst, 400/s for 5 s, fits", 10, 3000, 60)
    return Experiment(machine, [fills, fits])
