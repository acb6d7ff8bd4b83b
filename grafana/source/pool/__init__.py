"""One pool: its history, its rate against the ceiling, its forecast and the kernel's verdict."""

from grafana.source.dashboard import Dashboard
from grafana.source.health import health
from grafana.source.panel import Json
from grafana.source.pool.history import history
from grafana.source.pool.present import present
from grafana.source.pool.surroundings import surroundings
from grafana.source.query import POOL


def pool(docs_url: str) -> Json:
    dashboard = Dashboard(
        uid="tcp-pressure-pool",
        title="TCP pressure: pool",
        description="The history of one port pool. Come here by a click in a table of pools, or"
        " choose host, direction and both ends above; of several pools the worst is shown.",
        labels=POOL,
        since="1h",
        refresh="10s",
    )
    return dashboard.json(docs_url, [present(), history(), surroundings(), health()])
