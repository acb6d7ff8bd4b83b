"""The menus on top of the dashboards."""

from collections.abc import Sequence

from grafana.source.panel import Json
from grafana.source.query import DATASOURCE, select

ON_TIME_RANGE_CHANGE = 2
ALPHABETICAL = 1

LABELS = {
    "cluster": "Cluster",
    "job": "Job",
    "instance": "Instance",
    "netns": "Network namespace",
    "direction": "Direction",
    "local_address": "Local address",
    "remote_address": "Remote address",
    "port": "Port",
}
# The smallest metric that has the label.
SOURCES = {
    "cluster": "tcp_pressure_build_info",
    "job": "tcp_pressure_build_info",
    "instance": "tcp_pressure_build_info",
    "netns": "tcp_pressure_local_ports_usable",
    "direction": "tcp_pressure_pools",
}
POOL_SOURCE = "tcp_pressure_pool_ports_used"


def menus(labels: Sequence[str], docs_url: str) -> list[Json]:
    """Return the data source, each label held to the choices before it, and the documents."""
    chosen = [_label(label, labels[:place]) for place, label in enumerate(labels)]
    return [_datasource(), *chosen, _documents(docs_url)]


def _datasource() -> Json:
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "current": {"text": "default", "value": "default"},
    }


def _label(label: str, before: Sequence[str]) -> Json:
    source = SOURCES.get(label, POOL_SOURCE)
    selector = select(source, before) if before else source
    many = label in SOURCES
    return {
        "type": "query",
        "name": label,
        "label": LABELS[label],
        "datasource": DATASOURCE,
        "query": {"qryType": 1, "query": f"label_values({selector}, {label})", "refId": label},
        "refresh": ON_TIME_RANGE_CHANGE,
        "sort": ALPHABETICAL,
        "multi": many,
        "includeAll": True,
        # Who has one cluster has no such label; a source pool has neither remote address nor port.
        "allValue": ".+" if many and label != "cluster" else ".*",
        "current": {"text": ["All"], "value": ["$__all"]}
        if many
        else {"text": "All", "value": "$__all"},
    }


def _documents(docs_url: str) -> Json:
    return {
        "type": "textbox",
        "name": "docs",
        "label": "Documents at",
        "description": "The address of your copy of docs/, for the links to runbooks and findings.",
        "query": docs_url,
        "current": {"text": docs_url, "value": docs_url},
    }
