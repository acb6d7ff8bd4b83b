"""Seconds until a pool is full, as the panels show them."""

from grafana.source.panel import texts

# As far as the exporter looks ahead (docs/forecast.md); +Inf, not in sight, is drawn there.
HORIZON = 600
FAR = ">\u00a010\u00a0min"  # on one line
FULL_OR_FAR = texts({"0": "now", str(HORIZON): FAR})


def seconds_left(expression: str) -> str:
    """Return whole seconds, at most HORIZON: fractions would be shown as milliseconds."""
    return f"round(clamp_max({expression}, {HORIZON}))"
