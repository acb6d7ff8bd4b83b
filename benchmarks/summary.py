"""From many measurements to the numbers shown."""

import math
from collections.abc import Sequence
from statistics import median

from benchmarks.results import Row
from benchmarks.rounds import Measured


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def summarise(contender: str, measured: Sequence[Measured]) -> Row:
    """Return the medians over the rounds, and the range of the ratios."""
    ratios = [one.ratio for one in measured]
    return Row(
        contender=contender,
        rounds=len(measured),
        sockets=round(median(one.sockets for one in measured)),
        wall_ms=round(1e3 * median(one.timing.wall for one in measured), 2),
        cpu_ms=round(1e3 * median(one.timing.cpu for one in measured), 2),
        ratio=round(median(ratios), 3),
        ratio_low=round(min(ratios), 3),
        ratio_high=round(max(ratios), 3),
    )
