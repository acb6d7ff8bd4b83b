"""What to do about everything that an assessment found: each advice once, most urgent first."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tcp_pressure_exporter.findings.close_wait import CLOSE_WAIT_RUNBOOK
from tcp_pressure_exporter.findings.finding import FindingState, shortened
from tcp_pressure_exporter.findings.kinds import KINDS, Severity
from tcp_pressure_exporter.pools.directions import SOURCE
from tcp_pressure_exporter.verdict.assessment import Assessment, Stuck
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.refusals import Refusal, refusal_subject
from tcp_pressure_exporter.verdict.resources import subject
from tcp_pressure_exporter.verdict.stuck import stuck_subject
from tcp_pressure_exporter.verdict.troubles import Part, Trouble, severity_of_part, troubles
from tcp_pressure_exporter.verdict.words import urgency

SUBJECTS = 3  # named for one action


class Action(NamedTuple):
    """A piece of advice, and what it is for: resources, stuck sockets or findings."""

    severity: Severity
    subjects: tuple[str, ...]
    advice: str
    runbook: str


def actions(assessment: Assessment) -> tuple[Action, ...]:
    """Return what to do; a calm resource needs nothing."""
    merged: dict[str, Action] = {}
    for action in sorted(_actions(assessment), key=lambda action: -action.severity):
        first = merged.setdefault(action.advice, action)
        if first is not action:
            subjects = first.subjects + action.subjects
            merged[action.advice] = first._replace(subjects=subjects)
    return tuple(merged.values())


def _actions(assessment: Assessment) -> Iterator[Action]:
    for trouble in troubles(assessment):
        for part in trouble.parts:
            teller = trouble.teller(part)
            # A part that repeats the head needs no action of its own; a pool is named with it.
            if teller is part or (isinstance(part, Pressure) and part.kind != SOURCE):
                yield Action(severity_of_part(part), (part_subject(part),), *_advice(teller))


def _advice(part: Part) -> tuple[str, str]:
    """Return the advice on a part, and its runbook."""
    match part:
        case Refusal():
            return part.advice, part.runbook
        case Stuck():
            return part.advice, CLOSE_WAIT_RUNBOOK
        case FindingState():
            return part.finding.advice, part.finding.runbook
        case _:
            return part.advice, KINDS[part.kind].runbook


def advice_on(part: Part) -> str:
    """Return the advice on a part of a trouble by itself."""
    return _advice(part)[0]


def part_runbook(part: Part) -> str:
    """Return where to find more of the advice on a part."""
    return _advice(part)[1]


def part_subject(part: Part) -> str:
    """Name a part of a trouble."""
    match part:
        case Refusal():
            return refusal_subject(part)
        case Stuck():
            return stuck_subject(part)
        case FindingState():
            return part.finding.name
        case _:
            return subject(part)


class ActionWords(NamedTuple):
    """One thing to do. subjects: the first few by name.

    unhurried_advice: the advice, saying so if it can wait.
    """

    number: int
    urgency: str
    subjects: str
    advice: str
    unhurried_advice: str
    runbook: str


class FindingWords(NamedTuple):
    """What was found, and the number of the action that says what to do.

    part_of: what it is a cause or an effect of, "" if it stands alone.
    """

    name: str
    urgency: str
    detail: str
    runbook: str
    action: int
    part_of: str = ""


def action_words(todo: Sequence[Action]) -> tuple[ActionWords, ...]:
    """Return what to do in words, numbered from 1."""
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


def finding_words(trouble: Trouble, todo: Sequence[Action]) -> tuple[FindingWords, ...]:
    """Return the findings of a trouble in words; `todo` is what to do about everything."""
    numbers = {action.advice: number for number, action in enumerate(todo, 1)}
    found = (part for part in trouble.parts if isinstance(part, FindingState))
    return tuple(_finding(state, trouble, numbers) for state in found)


def _finding(state: FindingState, trouble: Trouble, numbers: Mapping[str, int]) -> FindingWords:
    return FindingWords(
        name=state.finding.name,
        urgency=urgency(state.finding.severity),
        detail=state.detail or "",
        runbook=state.finding.runbook,
        action=numbers[advice_on(trouble.teller(state))],
        part_of="" if state is trouble.head else part_subject(trouble.head),
    )
