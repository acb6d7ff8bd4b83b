"""The JSON documents, of a running exporter and of one look: their keys are an interface.

docs/status-page.md and docs/report.md describe them, docs/status.schema.json checks the first. A
document consists of lists, dicts, words and finite numbers; text from outside is escaped at last.
"""

import json
import math
from collections.abc import Iterable
from datetime import UTC, datetime

from tcp_pressure_exporter.escaping import escape_all
from tcp_pressure_exporter.findings.finding import FindingState
from tcp_pressure_exporter.pages.snapshot import Judged, Observation, Snapshot
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.sample.leaks import Leak
from tcp_pressure_exporter.sample.sample import (
    LOCAL_PORTS,
    SOCKETS,
    LeftOut,
    NamespaceSample,
    Sample,
)
from tcp_pressure_exporter.sample.sockets import SocketStates
from tcp_pressure_exporter.verdict.actions import Action, actions
from tcp_pressure_exporter.verdict.assessment import Assessment, Stuck
from tcp_pressure_exporter.verdict.details.port_holders import (
    RUNBOOK,
    HeldPort,
    PortHolder,
    advice,
    sentence,
)
from tcp_pressure_exporter.verdict.details.sysctl_steps import KEPT_IN, Step
from tcp_pressure_exporter.verdict.details.what_if import WhatIf, what_if
from tcp_pressure_exporter.verdict.details.what_to_type import steps_by_advice
from tcp_pressure_exporter.verdict.headline import headline
from tcp_pressure_exporter.verdict.history import POINT_SECONDS, Line, SeriesKey
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.refusals import Refusal, Refused
from tcp_pressure_exporter.verdict.words import severity_word

Document = dict[str, object]

SOON, NOT_IN_SIGHT, UNKNOWN = "soon", "not_in_sight", "unknown"
DIGITS = 4  # of a ratio: a hundredth of a per cent


def status_json(snapshot: Snapshot) -> bytes:
    """Return the document in ASCII, its text escaped so that a program may print it."""
    return json.dumps(escape_all(status_document(snapshot)), allow_nan=False).encode() + b"\n"


def status_document(snapshot: Snapshot) -> Document:
    """Return the document; nothing in it is escaped yet."""
    namespaces = snapshot.namespaces()
    verdict = snapshot.verdict(next(iter(namespaces), None))
    sample = snapshot.sample
    return {
        "host": snapshot.host,
        "time": _utc(datetime.fromtimestamp(sample.timestamp, UTC)) if sample else None,
        "current": snapshot.current,
        "verdict": verdict.word,
        "sentence": verdict.sentence,
        "history_point_seconds": POINT_SECONDS,
        "namespaces": [_namespace(snapshot, judged) for judged in namespaces],
        "exporter": _exporter(snapshot),
    }


def _namespace(snapshot: Snapshot, judged: Judged) -> Document:
    sample, assessment = judged
    return {
        **assessment_document(assessment),
        "pressures": [
            _pressure(pressure) | {"history": _history(snapshot, sample, pressure)}
            for pressure in assessment.pressures
        ],
        "actions": _typed_actions(sample, assessment),
        "what_if": [_what_if(one) for one in what_if(sample, assessment.pressures, ())],
        "sentence": headline(assessment),
        "pools": _pools(sample),
        "time_wait_hold_seconds": _hold(sample),
        "sockets": _sockets(snapshot, sample),
        "collectors": [
            {"name": name, "success": outcome.error is None, "seconds": outcome.seconds}
            for name, outcome in sample.outcomes()
        ],
    }


def _history(snapshot: Snapshot, sample: NamespaceSample, pressure: Pressure) -> Line:
    return _rounded(snapshot.line(SeriesKey(sample.netns, pressure.kind, pressure.name)))


def _hold(sample: NamespaceSample) -> float | None:
    ports: LocalPorts | None = sample.value(LOCAL_PORTS)
    return ports.time_wait_hold if ports else None


def _pools(sample: NamespaceSample) -> list[Document]:
    return [
        {
            "direction": direction,
            "count": table.count,
            "ratio_max": table.ratio_max,
            "ratio_max_1m": table.ratio_max_1m,
            "unlisted_ports_used": table.unlisted_ports_used,
        }
        for direction, table in sample.pool_tables().items()
    ]


def _sockets(snapshot: Snapshot, sample: NamespaceSample) -> list[Document] | None:
    counts: SocketStates | None = sample.value(SOCKETS)
    if counts is None:
        return None
    return [
        {
            "state": state,
            "ipv4": counts.get(("ipv4", state), 0),
            "ipv6": counts.get(("ipv6", state), 0),
            "history": _rounded(snapshot.line(SeriesKey(sample.netns, SOCKETS.name, state))),
        }
        for state in dict.fromkeys(state for _family, state in counts)
    ]


def _exporter(snapshot: Snapshot) -> Document:
    sample, state = snapshot.sample, snapshot.exporter
    return {
        "version": state.version,
        "python": state.python,
        "parser": state.parser,
        "kernel": state.kernel._asdict() if state.kernel else None,
        "reloads": state.reloads,
        "failed_reloads": state.failed_reloads,
        "interval_seconds": sample.interval if sample else None,
        "configured_interval_seconds": sample.configured_interval if sample else None,
        "cpu_seconds": sample.cpu_seconds if sample else None,
        "other_namespaces": _other_namespaces(sample),
        "settings": dict(snapshot.settings),
        "left_out": _left_out((*snapshot.left_out, *snapshot.not_looked_at)),
    }


def _other_namespaces(sample: Sample | None) -> Document | None:
    return dict(sample.other_namespaces()) or None if sample else None


def _rounded(line: Iterable[float | None]) -> Line:
    return [None if value is None else round(value, DIGITS) for value in line]


def report_json(observation: Observation) -> str:
    """Return the document of docs/report.md, in ASCII."""
    document = {
        "host": observation.host,
        "time": _utc(observation.time),
        "sample_seconds": round(observation.seconds, 6),
        **assessment_document(observation.assessment),
        "actions": _typed_actions(observation.sample, observation.assessment),
        "what_if": [_what_if(one) for one in observation.what_if()],
        "left_out": _left_out((*observation.left_out, *observation.not_looked_at)),
    }
    return json.dumps(escape_all(document), allow_nan=False)


MAX_REFUSALS = 100  # listed one by one
MAX_PORT_SOCKETS = 1_000  # listed one by one


def port_json(held: HeldPort, host: str, time: datetime) -> str:
    """Return the document of `report --port`, in ASCII."""
    document = {
        "host": host,
        "time": _utc(time),
        "port": held.port,
        "in_local_port_range": held.chosen or held.reserved,
        "reserved": held.reserved,
        "sentence": sentence(held),
        "advice": advice(held),
        "runbook": RUNBOOK,
        "states": held.in_states(),
        "sockets": [_port_socket(holder) for holder in held.holders[:MAX_PORT_SOCKETS]],
        "unlisted": max(len(held.holders) - MAX_PORT_SOCKETS, 0),
    }
    return json.dumps(escape_all(document), allow_nan=False)


def _port_socket(holder: PortHolder) -> Document:
    return {
        "state": holder.state,
        "local_address": holder.local,
        "remote": holder.remote,
        "service": holder.owner.service,
        "process": holder.owner.process,
        "accepted": not holder.waits,
        "seconds_left": holder.socket.seconds_left,
    }


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _left_out(left_out: LeftOut) -> list[Document]:
    return [{"feature": feature, "reason": reason} for feature, reason in left_out]


def assessment_document(assessment: Assessment) -> Document:
    """Return the document of one namespace, which both others hold; nothing is escaped yet."""
    return {
        "netns": assessment.netns,
        "verdict": assessment.verdict,
        "pressures": [_pressure(pressure) for pressure in assessment.pressures],
        "refused": _refused(assessment.refused),
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
        "owners": _owners(pressure.owners),
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


def _what_if(one: WhatIf) -> Document:
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
        "owners": _owners(waiting.owners),
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


def _owners(owners: Iterable[OwnerCount]) -> list[Document]:
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


def _typed_actions(sample: NamespaceSample, assessment: Assessment) -> list[Document]:
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
