"""The dashboards, and the text committed for each."""

import json
from pathlib import Path

from grafana.source.both_ends import both_ends
from grafana.source.fleet import fleet
from grafana.source.gateways import gateways
from grafana.source.overview import overview
from grafana.source.panel import Json
from grafana.source.pool import pool

FOLDER = Path(__file__).parents[1] / "dashboards"


def dashboards(docs_url: str) -> dict[str, Json]:
    """Return every dashboard by its uid, which names its file.

    docs_url: where the reader's copy of docs/ is served.
    """
    made = [make(docs_url) for make in (overview, fleet, pool, both_ends, gateways)]
    return {dashboard["uid"]: dashboard for dashboard in made}


def text_of(dashboard: Json) -> str:
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"
