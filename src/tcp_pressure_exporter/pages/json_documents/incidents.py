"""The document of what has happened: docs/status-page.md."""

import json
import math
from datetime import UTC, datetime

from tcp_pressure_exporter.escaping import escape_all
from tcp_pressure_exporter.pages.json_documents.assessment import Document, utc
from tcp_pressure_exporter.pages.snapshot import Snapshot
from tcp_pressure_exporter.verdict.past.incident_words import past_words
from tcp_pressure_exporter.verdict.past.incidents import Incident, Peak
from tcp_pressure_exporter.verdict.past.minutes import Figures, Minute, with_gaps
from tcp_pressure_exporter.verdict.past.sightings import Involved

DIGITS = 4  # of a ratio: a hundredth of a per cent


def incidents_json(snapshot: Snapshot) -> bytes:
    """Return the document in ASCII, with its text escaped so that a program may print it."""
    return json.dumps(escape_all(incidents_document(snapshot)), allow_nan=False).encode() + b"\n"


def incidents_document(snapshot: Snapshot) -> Document:
    """Return the document; nothing in it is escaped yet."""
    sample, memory = snapshot.sample, snapshot.incidents
    return {
        "host": snapshot.host,
        "time": _utc(sample.timestamp if sample else None),
        "current": snapshot.current,
        "since": _utc(memory.since.timestamp if memory.since else None),
        "left_out": memory.left_out,
        "incidents": [
            _incident(one, current=snapshot.current) | {"minutes": _minutes(one)}
            for one in memory.listed
        ],
    }


def summary_documents(snapshot: Snapshot) -> list[Document]:
    """Return the incidents in words instead of minutes, newest first."""
    listed, current = snapshot.incidents.listed, snapshot.current
    now = snapshot.sample.timestamp if snapshot.sample else 0.0
    told = past_words(snapshot.incidents, now, len(listed), current=current).incidents
    return [
        _incident(one, current=current) | {"words": words.line}
        for one, words in zip(listed, told, strict=True)
    ]


def _incident(one: Incident, *, current: bool) -> Document:
    return {
        "id": one.number,
        "netns": one.netns,
        "title": one.worst.title,
        "sentence": one.worst.sentence,
        "runbook": one.worst.runbook,
        "began": _utc(one.began.timestamp),
        "last_critical": _utc(one.last.timestamp),
        "goes_on": one.goes_on and current,
        "over": one.over,
        "waves": one.waves,
        "refused": one.refused,
        "first_refused": _utc(one.first_refused),
        "peak": _peak(one.peak),
        "owners": [_owner(owner) for owner in one.owners],
        "unseen_seconds": round(one.unseen, 1),
    }


def _owner(one: Involved) -> Document:
    return {
        "service": one.owner.service,
        "process": one.owner.process,
        "refused": one.refused,
        "closed_per_minute": one.closed,
        "sockets": one.sockets,
    }


def _utc(timestamp: float | None) -> str | None:
    return None if timestamp is None else utc(datetime.fromtimestamp(timestamp, UTC))


def _peak(peak: Peak | None) -> Document | None:
    if peak is None:
        return None
    figures = peak.figures
    return {
        "time": _utc(peak.timestamp),
        "used": figures.used,
        "limit": figures.limit,
        "ratio": round(figures.ratio, DIGITS),
    }


def _minutes(one: Incident) -> list[Document | None]:
    return [_minute(minute) if minute else None for minute in with_gaps(one.minutes)]


def _minute(minute: Minute) -> Document:
    return {
        "time": _utc(minute.timestamp),
        "minutes": minute.span,
        "samples": minute.samples,
        "critical": minute.critical,
        "refused": minute.refused,
        "resource": _figures(minute.figures),
        "sockets": minute.states._asdict() if minute.states else None,
    }


def _figures(figures: Figures | None) -> Document | None:
    if figures is None:
        return None
    left, closes = figures.seconds_left, figures.closes
    return {
        "used": figures.used,
        "limit": figures.limit,
        "ratio": round(figures.ratio, DIGITS),
        "time_wait": figures.time_wait,
        "closes_per_second": None if closes is None else round(closes, 1),
        "seconds_left": None if left is None or math.isinf(left) else round(left, 1),
    }
