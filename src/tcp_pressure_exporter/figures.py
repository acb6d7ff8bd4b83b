"""Figures in words, the same way everywhere: 20,485 ports, 72 %, 36 s, 1.4 ms.

Thousands have separators, and a space stands before a unit or a per cent sign (SI brochure, 5.4.3).
A share and a time left are rounded down: only what is full is 100 %, and nobody has less time left
than this says.
"""

MINUTE, HOUR, DAY = 60, 3600, 86_400
PER_CENT = 0.01
TEN = 9.95  # from here on, a number with one decimal has four characters


def percent(ratio: float) -> str:
    """Write a ratio, rounded down."""
    return "<1 %" if 0 < ratio < PER_CENT else f"{int(ratio * 100):,} %"


def duration(seconds: float) -> str:
    """Write a duration, rounded down, in the largest unit of which it has at least two."""
    for unit, length in (("days", DAY), ("h", HOUR), ("min", MINUTE)):
        if seconds >= 2 * length:
            return f"{int(seconds / length):,} {unit}"
    return f"{int(seconds)} s" if seconds >= 1 else "under 1 s"


def period(seconds: float) -> str:
    """Write how long something was counted, to the second."""
    return duration(max(round(seconds), 1))


def short_time(seconds: float) -> str:
    """Write how long something took, in two or three digits: 0.09 ms, 1.4 ms, 120 ms, 2.3 s."""
    value, unit = (seconds, "s") if seconds >= 1 else (seconds * 1e3, "ms")
    if value < 1:
        return f"{value:.2f} {unit}"
    return f"{value:.1f} {unit}" if value < TEN else f"{value:,.0f} {unit}"


def counted(count: int, noun: str) -> str:
    """Write a number of things; the noun's plural must be regular."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
