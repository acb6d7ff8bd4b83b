"""--what-if: a text such as range=16384-60999 → a remedy."""

import re
from collections.abc import Callable, Mapping

from tcp_pressure_exporter.facts.ports import MAX_PORT
from tcp_pressure_exporter.pools.remedies import (
    KeepAlive,
    LocalRange,
    MoreAddresses,
    Remedy,
    TimeWaitTakeOver,
)
from tcp_pressure_exporter.settings.nearest import did_you_mean
from tcp_pressure_exporter.settings.values import parse_share

EXAMPLES = "range=16384-60999, tw_reuse=1, addresses=+1, keepalive=0.9"
RANGE = re.compile("([0-9]{1,5})-([0-9]{1,5})")
MOST_ADDRESSES = 1000


def parse_remedy(text: str) -> Remedy:
    """Return the remedy; raises ValueError, which says what is allowed."""
    name, equals, value = text.partition("=")
    if name not in PARSERS or not equals:
        raise ValueError(f"must be one of {EXAMPLES}{did_you_mean(name, PARSERS)}")
    return PARSERS[name](value)


def _range(value: str) -> Remedy:
    match = RANGE.fullmatch(value)
    low, high = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= low < high <= MAX_PORT:
        raise ValueError("the range must be two ports such as 16384-60999")
    return LocalRange(low, high)


def _tw_reuse(value: str) -> Remedy:
    if value != "1":
        raise ValueError("tw_reuse must be 1: no other value frees ports")
    return TimeWaitTakeOver()


def _addresses(value: str) -> Remedy:
    if not re.fullmatch(r"\+?[0-9]{1,4}", value) or not 1 <= int(value) <= MOST_ADDRESSES:
        raise ValueError(f"addresses must be from +1 to +{MOST_ADDRESSES}")
    return MoreAddresses(int(value))


def _keepalive(value: str) -> Remedy:
    try:
        return KeepAlive(parse_share(value))
    except ValueError as error:
        raise ValueError(f"the share of keepalive {error}") from error


PARSERS: Mapping[str, Callable[[str], Remedy]] = {
    "range": _range,
    "tw_reuse": _tw_reuse,
    "addresses": _addresses,
    "keepalive": _keepalive,
}
