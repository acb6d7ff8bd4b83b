"""Overview of one host or many: what is wrong, who causes it, how long is left, what to do."""

from grafana.source.dashboard import Dashboard
from grafana.source.overview.answer import answer
from grafana.source.overview.events import events
from grafana.source.overview.exporter import exporter
from grafana.source.overview.history import history
from grafana.source.overview.limits import limits
from grafana.source.overview.refusals import refusals
from grafana.source.overview.sockets import sockets
from grafana.source.panel import Json
from grafana.source.query import DIRECTION


def overview(docs_url: str) -> Json:
    dashboard = Dashboard(
        uid="tcp-pressure-overview",
        title="TCP pressure: overview",
        description="What is wrong with the TCP ports of these hosts, who causes it, how long they"
        " last, and what to do. Vertical lines: critical alerts, warnings and refused connections.",
        labels=DIRECTION,
        since="1h",
        refresh="10s",
    )
    return dashboard.json(
        docs_url,
        [answer(), refusals(), history(), sockets(), limits(), events(), exporter()],
    )
