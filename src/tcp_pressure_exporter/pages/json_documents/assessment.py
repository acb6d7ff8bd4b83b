"""The assessment, and what to do: the part that both documents share."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime

from tcp_pressure_exporter.findings.finding import FindingState
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pools.listing import OwnerCount, SeenOwner
from tcp_pressure_exporter.sample.leaks import Leak
from tcp_pressure_exporter.sample.sample import (
    LeftOut,
    NamespaceSample,
)
from tcp_pressure_exporter.verdict.actions import Action, actions, part_subject
from tcp_pressure_exporter.verdict.assessment import Assessment, Stuck
from tcp_pressure_exporter.verdict.details.sysctl_steps import KEPT_IN, Step
from tcp_pressure_exporter.verdict.details.what_if import WhatIf
from tcp_pressure_exporter.verdict.details.what_to_type import steps_by_advice
from tcp_pressure_exporter.verdict.headline import trouble_sentence
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.refusals import Refusal, Refused
from tcp_pressure_exporter.verdict.troubles import Trouble, troubles
from tcp_pressure_exporter.verdict.words import severity_word

Document = dict[str, object]

SOON, NOT_IN_SIGHT, UNKNOWN = "soon", "not_in_sight", "unknown"
MAX_PARTS = 100  # in one trouble
MAX_REFUSALS = 100  # listed one by one


def utc(moment: datetime) -> str:
    """Write a moment in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def left_out_document(left_out: LeftOut) -> list[Document]:
    """Return what is not shown, and why."""
    return [{"feature": feature, "reason": reason} for feature, reason in left_out]


def assessment_document(assessment: Assessment) -> Document:
    """Return the document of one namespace, which both others contain; nothing is escaped yet."""
    return {
        "netns": assessment.netns,
        "verdict": assessment.verdict,
        "troubles": [
            _trouble(trouble, assessment.refused)
            for trouble in troubles(assessment)
            if trouble.severity > Severity.CALM
        ],
        "pressures": [pressure_document(pressure) for pressure in assessment.pressures],
        "refused": _refused(assessment.refused),
        "close_wait": _close_wait(assessment),
        "findings": [_finding(state) for state in assessment.findings],
        "actions": [_action(action) for action in actions(assessment)],
        "failures": [
            {"collector": collector, "reason": reason} for collector, reason in assessment.failures
        ],
    }


def _trouble(trouble: Trouble, refused: Refused | None) -> Document:
    return {
        "severity": severity_word(trouble.severity),
        "sentence": trouble_sentence(trouble, refused),
        "parts": [part_subject(part) for part in trouble.parts[:MAX_PARTS]],
    }


def exhaustion(seconds_left: float | None) -> str:
    """Return whether a resource will be full in a known number of seconds."""
    if seconds_left is None:
        return UNKNOWN
    return SOON if math.isfinite(seconds_left) else NOT_IN_SIGHT


def pressure_document(pressure: Pressure) -> Document:
    """Return the use of one resource."""
    word = exhaustion(pressure.seconds_left)
    return {
        "kind": pressure.kind,
        "name": pressure.name,
        "severity": severity_word(pressure.severity),
        "used": pressure.used,
        "limit": pressure.limit,
        "ratio": pressure.ratio,
        "time_wait": pressure.time_wait,
        "exhaustion": word,
        "seconds_left": pressure.seconds_left if word == SOON else None,
        "steady_state_ratio": pressure.steady_state_ratio,
        "refused": pressure.refused,
        "search_seconds": pressure.search_seconds,
        "owners": [_seen_owner(one) for one in pressure.owners],
        "clients": [{"client": name, "ports": ports} for name, ports in pressure.clients],
        "advice": pressure.advice,
    }


def _refused(refused: Refused | None) -> Document | None:
    if refused is None:
        return None
    return {
        "seconds": refused.seconds,
        "calls": sum(refusal.failures for refusal in refused.each),
        "listed": [_refusal(refusal) for refusal in refused.each[:MAX_REFUSALS]],
    }


def _refusal(refusal: Refusal) -> Document:
    owner = refusal.owner
    return {
        "call": refusal.kind.call,
        "cause": refusal.kind.cause,
        "severity": severity_word(refusal.severity),
        "service": owner.owner.service if owner else "",
        "process": owner.owner.process if owner else "",
        "local_address": owner.local_address if owner else "",
        "remote_address": owner.remote_address if owner else "",
        "port": owner.port if owner else "",
        "pool": refusal.pool,
        "calls": refusal.failures,
        "last_seconds_ago": refusal.seconds_ago,
        "advice": refusal.advice,
    }


def what_if_document(one: WhatIf) -> Document:
    """Return what a remedy would lead to."""
    found = one.projection
    word = exhaustion(found.seconds if found else None)
    return {
        "remedy": one.text,
        "name": one.name,
        "exhaustion": word,
        "seconds_left": found.seconds if found and word == SOON else None,
        "ratio": found.ratio if found else None,
        "peak_ratio": found.peak_ratio if found else None,
        "words": one.words,
    }


def _close_wait(assessment: Assessment) -> Document | None:
    waiting = assessment.close_wait
    if waiting is None:
        return None
    return {
        "sockets": sum(count.sockets for count in waiting.causes.values()),
        "causes": [_stuck(stuck) for stuck in assessment.stuck],
        "owners": owner_documents(waiting.owners),
        "remotes": [remote._asdict() for remote in waiting.remotes],
        "unlisted": waiting.unlisted,
        "leaks": [_leak(leak) for leak in waiting.leaks],
    }


def _leak(leak: Leak) -> Document:
    return {
        "service": leak.owner.service,
        "process": leak.owner.process,
        "sockets": leak.sockets,
        "growth_per_second": leak.growth,
        "open_files": leak.files.open if leak.files else None,
        "max_files": leak.files.limit if leak.files else None,
        "seconds_left": leak.seconds_left,
    }


def _stuck(stuck: Stuck) -> Document:
    return {
        "cause": stuck.cause,
        "severity": severity_word(stuck.severity),
        "sockets": stuck.sockets,
        "never_accepted": stuck.never_accepted,
        "oldest_seconds": stuck.oldest_seconds,
        "advice": stuck.advice,
    }


def _seen_owner(one: SeenOwner) -> Document:
    return {
        "service": one.owner.service,
        "process": one.owner.process,
        "sockets": one.sockets,
        "last_seen_seconds_ago": round(one.seconds_ago, 1) if one.met else None,
        "closes": one.closed,
        "closes_share": one.closed_share,
        "refused": one.refused,
        "told_by": one.told_by,
    }


def owner_documents(owners: Iterable[OwnerCount]) -> list[Document]:
    return [
        {"service": owner.service, "process": owner.process, "sockets": sockets}
        for owner, sockets in owners
    ]


def _finding(state: FindingState) -> Document:
    finding = state.finding
    return {
        "name": finding.name,
        "severity": severity_word(finding.severity),
        "detail": state.detail,
        "advice": finding.advice,
        "runbook": finding.runbook,
    }


def typed_actions(sample: NamespaceSample, assessment: Assessment) -> list[Document]:
    """Return the actions with what to type for each."""
    typed = steps_by_advice(sample, assessment)
    return [
        _action(action) | {"steps": [_step(step) for step in typed.get(action.advice, ())]}
        for action in actions(assessment)
    ]


def _step(step: Step) -> Document:
    return {
        "where": step.where,
        "lines": list(step.lines),
        "keep_in": KEPT_IN if step.keep else "",
        "keep": step.keep,
        "changes": step.changes,
        "risks": step.risks,
    }


def _action(action: Action) -> Document:
    return {
        "severity": severity_word(action.severity),
        "subjects": list(action.subjects),
        "advice": action.advice,
        "runbook": action.runbook,
    }
