"""The loads of the experiment, on pools of 3,000 ports."""

import math
from collections.abc import Iterator

from benchmarks.forecast.load import Phase, Scenario, Stream, steady

PORTS = 3_000
HOLD = 62.048  # seconds: at HZ=250
CEILING = PORTS / HOLD  # closes per second that such a pool can bear indefinitely
NEVER = math.inf


def scenarios() -> list[Scenario]:
    """Return all loads; the kernel decides whether one fills its pool."""
    return [*_constant(), *_ramps(), *_steps(), *_bursts(), *_live()]


def harmless() -> list[Scenario]:
    """Return loads that never run out: closes take no further port, or no more closes come."""
    again = [
        Scenario(f"balancer that uses its ports again, {rate}/s", (Stream((steady(150, rate),)),))
        for rate in (60, 100, 200)
    ]
    ramp = Stream((Phase(120, 10, 150), steady(60, 150)))
    opened = Stream((steady(20, 5), steady(4, 400), steady(60, 5)), NEVER)
    return [
        *(load._replace(server_closes=True) for load in again),
        Scenario("the same, 10 to 150/s in 120 s", (ramp,), server_closes=True),
        _churn("batch, 400/s for 4 s, then none", steady(20, 0), steady(4, 400), steady(60, 0)),
        _churn("batches, 400/s for 2 s in 40", *[steady(38, 0), steady(2, 400)] * 4),
        _churn("batch, 400/s for 4 s beside 2/s", steady(20, 2), steady(4, 400), steady(60, 2)),
        Scenario("1,600 opened in 4 s that stay", (opened,)),
    ]


def _constant() -> Iterator[Scenario]:
    yield _churn("constant, 60/s", steady(100, 60), even=True)
    yield _churn("constant, 80/s", steady(80, 80))
    yield _churn("constant, 150/s", steady(60, 150))
    yield _churn("constant, 400/s", steady(30, 400))
    yield _churn("constant, 0.9 × the ceiling", steady(200, 0.9 * CEILING))
    yield _churn("constant, 0.95 × the ceiling", steady(200, 0.95 * CEILING))
    yield _churn("constant, 0.98 × the ceiling", steady(200, 0.98 * CEILING), even=True)
    yield _churn("constant, 1.02 × the ceiling", steady(200, 1.02 * CEILING), even=True)
    yield _churn("constant, 1.1 × the ceiling", steady(200, 1.1 * CEILING))


def _ramps() -> Iterator[Scenario]:
    yield _churn("ramp, 20 to 80/s in 220 s", Phase(220, 20, 80))
    yield _churn("ramp, 30 to 65/s in 180 s", Phase(180, 30, 65), steady(60, 65))
    yield _churn("ramp, 0 to 150/s in 100 s", Phase(100, 0, 150))
    yield _churn("ramp, 0 to 400/s in 60 s", Phase(60, 0, 400), even=True)
    yield _churn("ramp to 0.92 × the ceiling", Phase(90, 0, 44.5), steady(110, 44.5))
    yield _churn("ramp up to 55/s and down", Phase(80, 0, 55), Phase(80, 55, 0), steady(30, 0))


def _steps() -> Iterator[Scenario]:
    yield _churn("step, 40 to 52/s", steady(80, 40), steady(160, 52))
    yield _churn("step, 30 to 55/s", steady(80, 30), steady(160, 55))
    yield _churn("step, 30/s to 1.02 × the ceiling", steady(80, 30), steady(160, 1.02 * CEILING))
    yield _churn("step, 20 to 80/s", steady(80, 20), steady(100, 80), even=True)
    yield _churn("step, 20 to 250/s", steady(80, 20), steady(60, 250))
    yield _churn("steps, 20, 40, 70/s", steady(60, 20), steady(60, 40), steady(100, 70))
    yield _churn("step to 70/s for 25 s", steady(80, 20), steady(25, 70), steady(85, 20))


def _bursts() -> Iterator[Scenario]:
    yield _churn("burst, 400/s for 6 s", steady(80, 20), steady(6, 400), steady(70, 20))
    yield _churn("bursts, 200/s for 3 s in 15", *[steady(12, 15), steady(3, 200)] * 12)
    yield _churn("on and off, 100/s for 20 s in 30", *[steady(20, 100), steady(10, 0)] * 6)
    yield _churn("burst, 400/s for 5 s, fits", steady(70, 10), steady(5, 400), steady(85, 10))
    yield _churn("bursts, 200/s for 5 s in 65, fit", *[steady(60, 15), steady(5, 200)] * 3)
    yield _churn("bursts, 150/s for 2 s in 11, fit", *[steady(9, 10), steady(2, 150)] * 16)
    yield _churn("bursts, 100/s for 5 s in 20, fit", *[steady(15, 10), steady(5, 100)] * 9)
    yield _churn("on and off, 60/s for 15 s in 30", *[steady(15, 60), steady(15, 0)] * 6)


def _live() -> Iterator[Scenario]:
    """Yield loads whose connections last: they never close, close late, or come back."""
    yield Scenario("leak, 25/s", (Stream((steady(160, 25),), NEVER),))
    yield _leak("leak, 10/s beside 30/s", steady(200, 30), steady(200, 10))
    yield _leak("leak, 0 to 40/s, beside 10/s", steady(160, 10), Phase(160, 0, 40))
    yield _leak("leak that ends, fits", steady(180, 10), steady(80, 25))
    late = Stream((steady(90, 20), steady(120, 60)), 20)
    yield Scenario("lasting 20 s each, 20 to 60/s", (late,))
    first = Stream((steady(16, 100), steady(44, 0)), 60)
    again = Stream((steady(60, 0), steady(16, 100), steady(20, 0)), NEVER)
    yield Scenario("1,600 drop and come back", (first, again))


def _churn(name: str, *phases: Phase, even: bool = False) -> Scenario:
    """Return a load whose connections are closed as soon as they are made."""
    return Scenario(name, (Stream(phases),), even)


def _leak(name: str, closed: Phase, kept: Phase) -> Scenario:
    return Scenario(name, (Stream((closed,)), Stream((kept,), NEVER)))
