"""What to do about all that an assessment found: each advice once, the most urgent first."""

from collections.abc import Iterator
from typing import NamedTuple

from tcp_pressure_exporter.findings.close_wait import CLOSE_WAIT_RUNBOOK
from tcp_pressure_exporter.findings.kinds import KINDS, Severity
from tcp_pressure_exporter.verdict.assessment import Assessment
from tcp_pressure_exporter.verdict.words import pressure_subject, stuck_subject


class Action(NamedTuple):
    """An advice, and what it is for: resources, stuck sockets or findings; runbook: more of it."""

    severity: Severity
    subjects: tuple[str, ...]
    advice: str
    runbook: str


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
            runbook = KINDS[pressure.kind].runbook
            subjects = (pressure_subject(pressure),)
            yield Action(pressure.severity, subjects, pressure.advice, runbook)
    for stuck in assessment.stuck:
        if stuck.severity > Severity.CALM:
            yield Action(stuck.severity, (stuck_subject(stuck),), stuck.advice, CLOSE_WAIT_RUNBOOK)
    for state in assessment.findings:
        finding = state.finding
        yield Action(finding.severity, (finding.name,), finding.advice, finding.runbook)
