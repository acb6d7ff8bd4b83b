"""Durations as Prometheus writes them."""

import re

MILLISECONDS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
DURATION = re.compile(
    r"(?P<sign>-?)(?=[0-9])"
    r"((?P<h>[0-9]{1,9})h)?((?P<m>[0-9]{1,9})m)?((?P<s>[0-9]{1,9})s)?((?P<ms>[0-9]{1,9})ms)?"
)


def parse_duration(text: str) -> float:
    """Return the seconds of a duration such as 500ms, 5s or 1m30s; -1s is negative.

    The units are h, m, s and ms, each at most once and in this order, with whole numbers
    (prometheus/common, model.ParseDuration, less its days, weeks and years). Raises ValueError.
    """
    match = DURATION.fullmatch(text)
    if match is None:
        raise ValueError("must be a duration such as 500ms, 5s or 1m30s")
    milliseconds = sum(int(match[unit] or 0) * factor for unit, factor in MILLISECONDS.items())
    return (-milliseconds if match["sign"] else milliseconds) / 1000
