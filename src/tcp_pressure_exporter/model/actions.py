"""What to do about all that an assessment found: each advice once, the most urgent first."""

from collections.abc import Iterator
from typing import NamedTuple

from tcp_pressure_exporter.model.assessment import Assessment
from tcp_pressure_exporter.model.severity import Severity
from tcp_pressure_exporter.model.subjects import pressure_subject, stuck_subject


class Action(NamedTuple):
    """An advice, and what it is for: resources, stuck sockets or findings."""

    severity: Severity
    subjects: tuple[str, ...]
    advice: str


def actions(assessment: Assessment) -> tuple[Action, ...]:
    """Return what to do. Nothing is to be done about a resource that is calm."""
    merged: dict[str, Action] = {}
    for action in sorted(_actions(assessment), key=lambda action: -action.severity):
        first = merged.setdefault(action.advice, action)
        if first is not action:
            subjects = first.subjects + action.subjects
            merged[action.advice] = first._replace(subjects=subjects)
    return tuple(merged.values())


def _actions(assessment: Assessment) -> Iterator[Action]:
    for pressure in assessment.pressures:
        if pressure.severity > Severity.CALM:
            yield Action(pressure.severity, (pressure_subject(pressure),), pressure.advice)
    for stuck in assessment.stuck:
        if stuck.severity > Severity.CALM:
            yield Action(stuck.severity, (stuck_subject(stuck),), stuck.advice)
    for state in assessment.findings:
        yield Action(state.finding.severity, (state.finding.name,), state.finding.advice)
