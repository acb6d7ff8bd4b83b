"""Both ends: a client's outbound pool and the server's inbound pool of the same connections."""

from grafana.source.both_ends.history import history
from grafana.source.both_ends.present import present
from grafana.source.dashboard import Dashboard
from grafana.source.health import health
from grafana.source.panel import Json
from grafana.source.query import HOST


def both_ends(docs_url: str) -> Json:
    dashboard = Dashboard(
        uid="tcp-pressure-both-ends",
        title="TCP pressure: both ends",
        description="A load balancer and its backends, or any client and its servers, where both"
        " ends have an exporter: the client's outbound pool beside the server's inbound pool for"
        " the same pair of addresses, which of the two refuses first, and what each refuses now."
        " Instance is the client's host, Server the other one.",
        labels=(*HOST, "server"),
        since="1h",
        refresh="30s",
    )
    return dashboard.json(docs_url, [present(), history(), health()])
