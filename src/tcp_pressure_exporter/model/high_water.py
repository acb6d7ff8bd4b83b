"""The highest value of the last minute, so that a seldom scrape misses nothing a sample saw."""

WINDOW = 60.0  # seconds

# (time, value) of samples inside the window, values falling: each is the highest from then on.
HighWater = tuple[tuple[float, float], ...]


def raised(previous: HighWater, now: float, value: float) -> HighWater:
    """Return the marks after one more value; the first of them is the highest of the window."""
    kept = (mark for mark in previous if mark[0] > now - WINDOW and mark[1] > value)
    return (*kept, (now, value))
