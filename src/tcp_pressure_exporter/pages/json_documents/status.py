"""The document of a running exporter: docs/status-page.md."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from tcp_pressure_exporter.escaping import escape_all
from tcp_pressure_exporter.pages.json_documents.assessment import (
    Document,
    assessment_document,
    left_out_document,
    pressure_document,
    typed_actions,
    utc,
    what_if_document,
)
from tcp_pressure_exporter.pages.json_documents.incidents import summary_documents
from tcp_pressure_exporter.pages.snapshot import Judged, Snapshot
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.sample.sample import (
    LOCAL_PORTS,
    SOCKETS,
    NamespaceSample,
    Sample,
)
from tcp_pressure_exporter.sample.sockets import SocketStates
from tcp_pressure_exporter.verdict.details.what_if import what_if
from tcp_pressure_exporter.verdict.headline import headline
from tcp_pressure_exporter.verdict.past.history import POINT_SECONDS, Line, SeriesKey
from tcp_pressure_exporter.verdict.pressures import Pressure

DIGITS = 4  # of a ratio: a hundredth of a per cent


def status_json(snapshot: Snapshot) -> bytes:
    """Return the document in ASCII, with its text escaped so that a program may print it."""
    return json.dumps(escape_all(status_document(snapshot)), allow_nan=False).encode() + b"\n"


def status_document(snapshot: Snapshot) -> Document:
    """Return the document; nothing in it is escaped yet."""
    namespaces = snapshot.namespaces()
    verdict = snapshot.verdict(next(iter(namespaces), None))
    sample = snapshot.sample
    return {
        "host": snapshot.host,
        "time": utc(datetime.fromtimestamp(sample.timestamp, UTC)) if sample else None,
        "current": snapshot.current,
        "verdict": verdict.word,
        "sentence": verdict.sentence,
        "history_point_seconds": POINT_SECONDS,
        "namespaces": [_namespace(snapshot, judged) for judged in namespaces],
        "incidents": summary_documents(snapshot),
        "exporter": _exporter(snapshot),
    }


def _namespace(snapshot: Snapshot, judged: Judged) -> Document:
    sample, assessment = judged
    return {
        **assessment_document(assessment),
        "pressures": [
            pressure_document(pressure) | {"history": _history(snapshot, sample, pressure)}
            for pressure in assessment.pressures
        ],
        "actions": typed_actions(sample, assessment),
        "what_if": [what_if_document(one) for one in what_if(sample, assessment.pressures, ())],
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
        "boot": state.identity.boot if state.identity else None,
        "network_namespace": state.identity.network_namespace if state.identity else None,
        "netns": sample.namespaces[0].netns if sample else None,
        "reloads": state.reloads,
        "failed_reloads": state.failed_reloads,
        "interval_seconds": sample.interval if sample else None,
        "configured_interval_seconds": sample.configured_interval if sample else None,
        "cpu_seconds": sample.cpu_seconds if sample else None,
        "other_namespaces": _other_namespaces(sample),
        "settings": dict(snapshot.settings),
        "left_out": left_out_document((*snapshot.left_out, *snapshot.not_looked_at)),
    }


def _other_namespaces(sample: Sample | None) -> Document | None:
    return dict(sample.other_namespaces()) or None if sample else None


def _rounded(line: Iterable[float | None]) -> Line:
    return [None if value is None else round(value, DIGITS) for value in line]
