"""What is judged: functions from the polls so far to the seconds until the pool is full."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.forecast import release_together
from benchmarks.forecast.predict_linear import (
    SCRAPE_SECONDS,
    seconds_until_full,
    seconds_until_full_after_idleness,
)
from benchmarks.forecast.rates import Estimate, agreeing, fastest, lasting, mean, trend
from benchmarks.forecast.trace import Poll
from tcp_pressure_exporter.pools.forecast import Flow, exhaustion_seconds

Forecast = Callable[[Sequence[Poll], int], float]


class Forecaster(NamedTuple):
    """The polls so far and the pool's limit go in, seconds come out; +Inf: not in sight.

    interval: seconds between its polls, if independent of the exporter's.
    """

    name: str
    forecast: Forecast
    interval: int | None = None


def by_flow(estimate: Estimate, walk: Callable[[Flow], float]) -> Forecast:
    """Return the forecast from walking through the known releases at the estimated rates."""

    def forecast(polls: Sequence[Poll], limit: int) -> float:
        rates, now = estimate(polls), polls[-1]
        return walk(Flow(limit, now.live, now.ages, rates.closes, rates.growth))

    return forecast


# The two walks: the ports of one second come back evenly within it, or together.
EVENLY = exhaustion_seconds
TOGETHER = release_together.exhaustion_seconds

CHOSEN = Forecaster("last 10 s, less what has ended", by_flow(lasting, EVENLY))
WHOLE_10 = Forecaster("last 10 s", by_flow(mean(10), EVENLY))
TOGETHER_10 = Forecaster("last 10 s, ports of a second together", by_flow(mean(10), TOGETHER))
LINEAR = Forecaster("predict_linear, 5 m of 15 s", seconds_until_full, SCRAPE_SECONDS)
LINEAR_AFTER_IDLENESS = Forecaster(
    "predict_linear, idle before", seconds_until_full_after_idleness, SCRAPE_SECONDS
)

FORECASTERS = (
    CHOSEN,
    WHOLE_10,
    TOGETHER_10,
    Forecaster("last 5 s", by_flow(mean(5), EVENLY)),
    Forecaster("last 20 s", by_flow(mean(20), EVENLY)),
    Forecaster("last 10 s, growth over 30 s", by_flow(mean(10, 30), EVENLY)),
    Forecaster("faster of last 5 s and 20 s", by_flow(fastest(5, 20), EVENLY)),
    Forecaster("last 5 to 40 s, while they agree", by_flow(agreeing(5, 10, 20, 40), EVENLY)),
    Forecaster("trend of 20 s, 10 s ahead", by_flow(trend(20, 10), EVENLY)),
    Forecaster("the first, seen at a 15 s scrape", CHOSEN.forecast, SCRAPE_SECONDS),
    LINEAR,
    LINEAR_AFTER_IDLENESS,
)
