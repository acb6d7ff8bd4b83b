"""The menus at the top of the dashboards."""

from collections.abc import Sequence

from grafana.source.panel import Json
from grafana.source.query import DATASOURCE, select
from tcp_pressure_exporter.pools.directions import INBOUND, NAT, OUTBOUND, SOURCE

ON_TIME_RANGE_CHANGE = 2
ALPHABETICAL = 1
LABEL_VALUES, QUERY_RESULT = 1, 3  # PromVariableQueryType of Grafana's data source

LABELS = {
    "cluster": "Cluster",
    "job": "Job",
    "instance": "Instance",
    "server": "Server",
    "netns": "Network namespace",
    "direction": "Direction",
    "local_address": "Local address",
    "remote_address": "Remote address",
    "port": "Port",
}
# The smallest metric with the label, which has few values, however many hosts there are.
FEW = {
    "cluster": "tcp_pressure_build_info",
    "job": "tcp_pressure_build_info",
}
# There may be thousands of hosts: the menu has the most important; others can be typed.
FULLEST_HOSTS = "tcp_pressure_pool_ratio_max"
RECORDED_HOSTS = "instance_direction:tcp_pressure_pool_ratio_max:topk10"
FULLEST_POOLS = "tcp_pressure_pool_ports_used"
HOSTS = {"instance": "instance", "server": "instance", "netns": "netns"}  # variable: label
MANY = {*FEW, *HOSTS, "direction"}
MOST = 100  # values of a menu


def menus(labels: Sequence[str], docs_url: str, *, recorded_only: bool = False) -> list[Json]:
    """Return the data source, each label limited by the choices before it, and the documents."""
    hosts = RECORDED_HOSTS if recorded_only else FULLEST_HOSTS
    chosen = [_label(label, labels[:place], hosts) for place, label in enumerate(labels)]
    return [_datasource(), *chosen, _documents(docs_url)]


def _datasource() -> Json:
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "current": {"text": "default", "value": "default"},
    }


def _directions() -> Json:
    """Return the menu that needs no query."""
    return {
        "type": "custom",
        "name": "direction",
        "label": LABELS["direction"],
        "query": f"{OUTBOUND},{INBOUND},{SOURCE},{NAT}",
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _label(name: str, before: Sequence[str], hosts: str) -> Json:
    if name == "direction":
        return _directions()
    many = name in MANY
    return {
        "type": "query",
        "name": name,
        "label": LABELS[name],
        "datasource": DATASOURCE,
        **(_every(name, before) if name in FEW else _fullest(name, before, hosts)),
        "refresh": ON_TIME_RANGE_CHANGE,
        "sort": ALPHABETICAL,
        "multi": many,
        "includeAll": True,
        # A single cluster has no such label; a source pool has neither remote address nor port. The
        # two that dashboard-linter checks follow its rule, although Prometheus is slower with it.
        "allValue": ".+" if name in ("job", "instance") else ".*",
        "current": {"text": ["All"], "value": ["$__all"]}
        if many
        else {"text": "All", "value": "$__all"},
    }


def _every(name: str, before: Sequence[str]) -> Json:
    source = FEW[name]
    selector = select(source, before) if before else source
    query = f"label_values({selector}, {name})"
    return {"query": {"qryType": LABEL_VALUES, "query": query, "refId": name}}


def _fullest(name: str, before: Sequence[str], hosts: str) -> Json:
    label = HOSTS.get(name, name)
    source = select(hosts if name in HOSTS else FULLEST_POOLS, [b for b in before if b != "server"])
    query = f"query_result(topk({MOST}, max by ({label}) ({source})))"
    return {
        "query": {"qryType": QUERY_RESULT, "query": query, "refId": name},
        "regex": f'/{label}="([^"]+)"/',
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
