"""The three dashboards, and the text that is committed for each."""

import json
from pathlib import Path

from grafana.source.fleet import fleet
from grafana.source.overview import overview
from grafana.source.panel import Json
from grafana.source.pool import pool

FOLDER = Path(__file__).parents[1] / "dashboards"


def dashboards(docs_url: str) -> dict[str, Json]:
    """Return every dashboard by its uid, which names its file.

    docs_url: where the reader's copy of docs/ is served.
    """
    made = [overview(docs_url), fleet(docs_url), pool(docs_url)]
    return {dashboard["uid"]: dashboard for dashboard in made}


def text_of(dashboard: Json) -> str:
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"
