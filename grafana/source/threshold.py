"""Panels' thresholds: the exporter's own, which the alerts use, too."""

from typing import Any

from grafana.source.colour import ATTENTION, CLEAR, DANGER, NEUTRAL, OK
from tcp_pressure_exporter.findings.kinds import KINDS, NEVER, SOON

Steps = dict[str, Any]


def steps(*bounds: tuple[float, str], base: str = OK) -> Steps:
    """Return the base colour, and another from each bound up."""
    every: list[dict[str, Any]] = [{"value": None, "color": base}]
    every += [{"value": bound, "color": colour} for bound, colour in bounds]
    return {"mode": "absolute", "steps": every}


def ratio_steps(kind: str, base: str = OK) -> Steps:
    """Return the thresholds of used / limit for a kind of resource."""
    row = KINDS[kind]
    bounds = [(row.warning, ATTENTION)]
    if row.critical != NEVER:
        bounds.append((row.critical, DANGER))
    return steps(*bounds, base=base)


def any_is(colour: str) -> Steps:
    """Return the thresholds of a count that should be 0."""
    return steps((1, colour))


# Seconds left: below SOON the alert fires, as severity_of has it.
SECONDS_LEFT = steps((SOON, OK), base=DANGER)
SECONDS_LEFT_AT_WORST_A_WARNING = steps((SOON, OK), base=ATTENTION)
MINUTES_LEFT_AREA = steps((SOON / 60, CLEAR), base=DANGER)
# What today's closes lead to: TcpPressureChurnNearCeiling, and the ceiling itself.
STEADY = ((0.8, ATTENTION), (1.0, DANGER))
# TcpPressureCloseWaitLeak and TcpPressureSynSentPileup.
MANY_STUCK = 100
STUCK = steps((MANY_STUCK, ATTENTION))
CALM = steps(base=NEUTRAL)
