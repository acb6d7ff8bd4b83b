"""A look as one line of JSON, for scripts."""

import json
from datetime import UTC

from tcp_pressure_exporter.escaping import escape_all
from tcp_pressure_exporter.pages.assessment_document import assessment_document
from tcp_pressure_exporter.pages.report.observation import Observation


def json_line(observation: Observation) -> str:
    """Return the document of docs/report.md, in ASCII."""
    document = {
        "host": observation.host,
        "time": f"{observation.time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "sample_seconds": round(observation.seconds, 6),
        **assessment_document(observation.assessment),
        "left_out": [
            {"feature": feature, "reason": reason} for feature, reason in observation.left_out
        ],
    }
    return json.dumps(escape_all(document), allow_nan=False)
