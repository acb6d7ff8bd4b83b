"""Fleet: which hosts and pools are worst, of any number, from recorded series alone."""

from grafana.source.dashboard import Dashboard
from grafana.source.fleet.exporters import exporters
from grafana.source.fleet.trends import trends
from grafana.source.fleet.worst import worst
from grafana.source.panel import Json

LABELS = ("cluster", "job", "instance", "direction")


def fleet(docs_url: str) -> Json:
    dashboard = Dashboard(
        uid="tcp-pressure-fleet",
        title="TCP pressure: fleet",
        description="The worst hosts and port pools of any number of hosts. Everything comes from"
        " the recording rules of deploy/prometheus/rules/fleet.yml and from ALERTS, so it is as"
        " fast for ten thousand hosts as for ten.",
        labels=LABELS,
        since="6h",
        refresh="30s",
        recorded_only=True,
    )
    return dashboard.json(docs_url, [worst(), trends(), exporters()])
