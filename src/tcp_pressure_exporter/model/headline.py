"""The verdict, and in one sentence what it rests on."""

import math

from tcp_pressure_exporter.model.assessment import Assessment, Pressure
from tcp_pressure_exporter.model.severity import Severity
from tcp_pressure_exporter.model.subjects import pressure_subject
from tcp_pressure_exporter.model.wording import FULL, counted, duration, percent, time_left


def headline(assessment: Assessment) -> str:
    """Return the sentence: the worst that was found, or that nothing was."""
    if assessment.blind:
        return "The sockets could not be read, so there is no verdict."
    if assessment.severity is Severity.CALM:
        return _calm(assessment)
    return _worst(assessment) + _others(assessment)


def _calm(assessment: Assessment) -> str:
    scope = "As far as it could be read, all" if assessment.failures else "All"
    return f"{scope} is calm: nothing is close to its limit."


def _worst(assessment: Assessment) -> str:
    severity = assessment.severity
    for pressure in assessment.pressures:
        if pressure.severity is severity:
            return _pressure(pressure)
    for stuck in assessment.stuck:
        if stuck.severity is severity:
            connections = counted(stuck.sockets, "connection")
            oldest = duration(stuck.oldest_seconds)
            return f"{connections} stuck in CLOSE_WAIT, the oldest for at least {oldest}."
    state = assessment.findings[0]
    return f"{state.finding.name}: {state.detail}."


def _pressure(pressure: Pressure) -> str:
    subject = pressure_subject(pressure)
    subject = subject[:1].upper() + subject[1:]
    if pressure.refused:
        return f"{subject} is full: the kernel has no port left for a new connection."
    if time_left(pressure) == FULL:
        return f"{subject} is full."
    said = f"{subject} is {percent(pressure.ratio)} full"
    left = pressure.seconds_left
    if left is None or math.isinf(left):
        return f"{said}."
    return f"{said} and lasts {time_left(pressure)} at this rate."


def _others(assessment: Assessment) -> str:
    """Say how much more there is."""
    severities = [
        *(pressure.severity for pressure in assessment.pressures),
        *(stuck.severity for stuck in assessment.stuck),
        *(state.finding.severity for state in assessment.findings),
    ]
    severities.remove(assessment.severity)
    critical = severities.count(Severity.CRITICAL)
    warnings = severities.count(Severity.WARNING)
    parts = [f"{critical} more critical"] if critical else []
    if warnings:
        parts.append(counted(warnings, "warning"))
    return f" Also: {', '.join(parts)}." if parts else ""
