"""The documents of one look: docs/report.md."""

import json
from datetime import datetime

from tcp_pressure_exporter.escaping import escape_all
from tcp_pressure_exporter.pages.json_documents.assessment import (
    Document,
    assessment_document,
    left_out_document,
    typed_actions,
    utc,
    what_if_document,
)
from tcp_pressure_exporter.pages.snapshot import Observation
from tcp_pressure_exporter.verdict.details.port_holders import (
    RUNBOOK,
    HeldPort,
    PortHolder,
    advice,
    sentence,
)
from tcp_pressure_exporter.verdict.details.remembered import Asked

MAX_PORT_SOCKETS = 1_000  # listed one by one


def report_json(observation: Observation) -> str:
    """Return the document of docs/report.md, in ASCII."""
    document = {
        "host": observation.host,
        "time": utc(observation.time),
        "sample_seconds": round(observation.seconds, 6),
        **assessment_document(observation.assessment),
        "actions": typed_actions(observation.sample, observation.assessment),
        "what_if": [what_if_document(one) for one in observation.what_if()],
        "left_out": left_out_document((*observation.left_out, *observation.not_looked_at)),
        "asked": _asked(observation.asked),
    }
    return json.dumps(escape_all(document), allow_nan=False)


def _asked(asked: Asked | None) -> Document | None:
    if asked is None:
        return None
    return {"url": asked.url, "unused": asked.reason, "incidents": list(asked.incidents)}


def port_json(held: HeldPort, host: str, time: datetime) -> str:
    """Return the document of `report --port`, in ASCII."""
    document = {
        "host": host,
        "time": utc(time),
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
