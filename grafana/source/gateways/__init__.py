"""Pods and gateways: which pods use the most ports, and who fills the pools of a NAT gateway."""

from grafana.source.dashboard import Dashboard
from grafana.source.gateways.nat import nat
from grafana.source.gateways.pods import pods
from grafana.source.health import health
from grafana.source.panel import Json
from grafana.source.query import NAMESPACE


def gateways(docs_url: str) -> Json:
    dashboard = Dashboard(
        uid="tcp-pressure-gateways",
        title="TCP pressure: pods and gateways",
        description="Kubernetes nodes and NAT gateways: the pods, containers and services that use"
        " the most ports, the pools of a gateway by the client behind it, and what it drops.",
        labels=NAMESPACE,
        since="1h",
        refresh="30s",
    )
    return dashboard.json(docs_url, [pods(), nat(), health()])
