"""The time until a pool is full, as the panels show it."""

from grafana.source.panel import texts

# How far the exporter looks ahead (docs/forecast.md); +Inf, not in sight, is drawn at this.
HORIZON = 600
FAR = ">\u00a010\u00a0min"  # on one line
FULL_OR_FAR = texts({"0": "now", str(HORIZON): FAR})
# Grafana's unit for seconds, in words and cut to the largest: "43 seconds", "8 minutes".
IN_WORDS = "dtdurations"
# On a scale of powers of two the last minute has as much room as the nine before it.
MINUTES, LEAST_MINUTES = "suffix:min", 0.5


def seconds_left(expression: str) -> str:
    """Return whole seconds, at most HORIZON: fractions would be shown as milliseconds."""
    return f"round(clamp_max({expression}, {HORIZON}))"


def minutes_left(expression: str) -> str:
    """Return minutes between LEAST_MINUTES, which stands for less, and HORIZON."""
    return f"clamp({expression} / 60, {LEAST_MINUTES:g}, {HORIZON // 60})"
