"""An assessment as a document of lists, dicts, words and numbers: its keys are an interface."""

import math
from collections.abc import Iterable

from tcp_pressure_exporter.findings.finding import FindingState
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.verdict.actions import Action, actions
from tcp_pressure_exporter.verdict.assessment import Assessment, Pressure, Stuck

Document = dict[str, object]

SOON, NOT_IN_SIGHT, UNKNOWN = "soon", "not_in_sight", "unknown"


def assessment_document(assessment: Assessment) -> Document:
    """Return the document; every number in it is finite. Text from outside is not escaped."""
    return {
        "netns": assessment.netns,
        "verdict": assessment.verdict,
        "pressures": [_pressure(pressure) for pressure in assessment.pressures],
        "close_wait": _close_wait(assessment),
        "findings": [_finding(state) for state in assessment.findings],
        "actions": [_action(action) for action in actions(assessment)],
        "failures": [
            {"collector": collector, "reason": reason} for collector, reason in assessment.failures
        ],
    }


def exhaustion(seconds_left: float | None) -> str:
    """Return whether a resource is full soon, in a number of seconds that is known."""
    if seconds_left is None:
        return UNKNOWN
    return SOON if math.isfinite(seconds_left) else NOT_IN_SIGHT


def _pressure(pressure: Pressure) -> Document:
    word = exhaustion(pressure.seconds_left)
    return {
        "kind": pressure.kind,
        "name": pressure.name,
        "severity": _word(pressure.severity),
        "used": pressure.used,
        "limit": pressure.limit,
        "ratio": pressure.ratio,
        "time_wait": pressure.time_wait,
        "exhaustion": word,
        "seconds_left": pressure.seconds_left if word == SOON else None,
        "steady_state_ratio": pressure.steady_state_ratio,
        "refused": pressure.refused,
        "owners": _owners(pressure.owners),
        "advice": pressure.advice,
    }


def _close_wait(assessment: Assessment) -> Document | None:
    waiting = assessment.close_wait
    if waiting is None:
        return None
    return {
        "sockets": sum(count.sockets for count in waiting.causes.values()),
        "causes": [_stuck(stuck) for stuck in assessment.stuck],
        "owners": _owners(waiting.owners),
        "remotes": [remote._asdict() for remote in waiting.remotes],
        "unlisted": waiting.unlisted,
    }


def _stuck(stuck: Stuck) -> Document:
    return {
        "cause": stuck.cause,
        "severity": _word(stuck.severity),
        "sockets": stuck.sockets,
        "oldest_seconds": stuck.oldest_seconds,
        "advice": stuck.advice,
    }


def _owners(owners: Iterable[OwnerCount]) -> list[Document]:
    return [
        {"service": owner.service, "process": owner.process, "sockets": sockets}
        for owner, sockets in owners
    ]


def _finding(state: FindingState) -> Document:
    finding = state.finding
    return {
        "name": finding.name,
        "severity": _word(finding.severity),
        "detail": state.detail,
        "advice": finding.advice,
        "runbook": finding.runbook,
    }


def _action(action: Action) -> Document:
    return {
        "severity": _word(action.severity),
        "subjects": list(action.subjects),
        "advice": action.advice,
        "runbook": action.runbook,
    }


def _word(severity: Severity) -> str:
    return severity.name.lower()
