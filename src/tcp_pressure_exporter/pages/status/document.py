"""The status as a document for programs: docs/status-page.md describes it, a schema checks it."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from tcp_pressure_exporter.escaping import escape_all
from tcp_pressure_exporter.pages.assessment_document import Document, assessment_document
from tcp_pressure_exporter.pages.status.snapshot import Judged, Snapshot, verdict_of
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.sample.sockets import SocketStates
from tcp_pressure_exporter.verdict.history import POINT_SECONDS, SOCKETS, Line, SeriesKey
from tcp_pressure_exporter.verdict.words import headline

DIGITS = 4  # of a ratio: a hundredth of a per cent


def status_json(snapshot: Snapshot) -> bytes:
    """Return the document in ASCII, its text escaped so that a program may print it."""
    return json.dumps(escape_all(status_document(snapshot)), allow_nan=False).encode() + b"\n"


def status_document(snapshot: Snapshot) -> Document:
    """Return the document; every number in it is finite. Text from outside is not escaped."""
    namespaces = snapshot.namespaces()
    verdict = verdict_of(snapshot, next(iter(namespaces), None))
    sample = snapshot.sample
    return {
        "host": snapshot.host,
        "time": f"{datetime.fromtimestamp(sample.timestamp, UTC):%Y-%m-%dT%H:%M:%SZ}"
        if sample
        else None,
        "current": snapshot.current,
        "verdict": verdict.word,
        "sentence": verdict.sentence,
        "history_point_seconds": POINT_SECONDS,
        "namespaces": [_namespace(snapshot, judged) for judged in namespaces],
        "exporter": _exporter(snapshot),
    }


def _namespace(snapshot: Snapshot, judged: Judged) -> Document:
    sample, assessment = judged
    document = assessment_document(assessment)
    pressures = document["pressures"]
    assert isinstance(pressures, list)
    for pressure in pressures:
        key = SeriesKey(sample.netns, pressure["kind"], pressure["name"])
        pressure["history"] = _rounded(snapshot.line(key))
    return {
        **document,
        "sentence": headline(assessment),
        "pools": _pools(sample),
        "sockets": _sockets(snapshot, sample),
        "collectors": [
            {"name": name, "success": outcome.error is None, "seconds": outcome.seconds}
            for name, outcome in sample.outcomes()
        ],
    }


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
    counts: SocketStates | None = sample.sockets.value if sample.sockets else None
    if counts is None:
        return None
    return [
        {
            "state": state,
            "ipv4": counts.get(("ipv4", state), 0),
            "ipv6": counts.get(("ipv6", state), 0),
            "history": _rounded(snapshot.line(SeriesKey(sample.netns, SOCKETS, state))),
        }
        for state in dict.fromkeys(state for _family, state in counts)
    ]


def _exporter(snapshot: Snapshot) -> Document:
    sample, state = snapshot.sample, snapshot.exporter
    return {
        "version": state.version,
        "python": state.python,
        "parser": state.parser,
        "reloads": state.reloads,
        "failed_reloads": state.failed_reloads,
        "interval_seconds": sample.interval if sample else None,
        "configured_interval_seconds": sample.configured_interval if sample else None,
        "cpu_seconds": sample.cpu_seconds if sample else None,
        "other_namespaces": sample.census._asdict() if sample and sample.census else None,
        "settings": dict(snapshot.settings),
        "left_out": [{"feature": what, "reason": why} for what, why in snapshot.left_out],
    }


def _rounded(line: Iterable[float | None]) -> Line:
    return [None if value is None else round(value, DIGITS) for value in line]
