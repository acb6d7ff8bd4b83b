"""What to do about all that an assessment found: each advice once, the most urgent first."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tcp_pressure_exporter.findings.close_wait import CLOSE_WAIT_RUNBOOK
from tcp_pressure_exporter.findings.finding import FindingState, shortened
from tcp_pressure_exporter.findings.kinds import KINDS, Severity
from tcp_pressure_exporter.verdict.assessment import Assessment
from tcp_pressure_exporter.verdict.refusals import refusal_subject
from tcp_pressure_exporter.verdict.resources import subject
from tcp_pressure_exporter.verdict.stuck import stuck_subject
from tcp_pressure_exporter.verdict.words import urgency

SUBJECTS = 3  # named of one action


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
        if pressure.urgent:
            runbook = KINDS[pressure.kind].runbook
            yield Action(pressure.severity, (subject(pressure),), pressure.advice, runbook)
    for refusal in assessment.refused.untold() if assessment.refused else ():
        subjects = (refusal_subject(refusal),)
        yield Action(refusal.severity, subjects, refusal.advice, refusal.runbook)
    for stuck in assessment.stuck:
        if stuck.urgent:
            yield Action(stuck.severity, (stuck_subject(stuck),), stuck.advice, CLOSE_WAIT_RUNBOOK)
    for state in assessment.findings:
        finding = state.finding
        yield Action(finding.severity, (finding.name,), finding.advice, finding.runbook)


class ActionWords(NamedTuple):
    """One thing to do. subjects: the first few by name.

    unhurried_advice: the advice, with it said where it can wait.
    """

    number: int
    urgency: str
    subjects: str
    advice: str
    unhurried_advice: str
    runbook: str


class FindingWords(NamedTuple):
    """What was found, and the number of the action that it asks for."""

    name: str
    urgency: str
    detail: str
    runbook: str
    action: int


def action_words(todo: Sequence[Action]) -> tuple[ActionWords, ...]:
    """Return what to do in words, numbered from 1 on."""
    return tuple(_action(number, action) for number, action in enumerate(todo, 1))


def _action(number: int, action: Action) -> ActionWords:
    can_wait = action.severity is Severity.CALM
    return ActionWords(
        number=number,
        urgency=urgency(action.severity),
        subjects=shortened(action.subjects, SUBJECTS),
        advice=action.advice,
        unhurried_advice=f"when there is time: {action.advice}" if can_wait else action.advice,
        runbook=action.runbook,
    )


def finding_words(
    findings: Sequence[FindingState], todo: Sequence[Action]
) -> tuple[FindingWords, ...]:
    """Return what was found in words; `todo` is what is to be done about it all."""
    numbers = {action.advice: number for number, action in enumerate(todo, 1)}
    return tuple(
        FindingWords(
            name=state.finding.name,
            urgency=urgency(state.finding.severity),
            detail=state.detail or "",
            runbook=state.finding.runbook,
            action=numbers[state.finding.advice],
        )
        for state in findings
    )
