"""The alerts that ship in deploy/prometheus/rules, as the dashboards' tables show them."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

from grafana.source.panel import Json

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules"
BELOW_DOCS = "runbooks/"

# What to do at once, by an alert's label `kind`, in what fits into one table cell. The runbook says
# more, and what not to do.
ADVICE = {
    "local_ports": "Keep connections to it open, or add an address. When tcp_tw_reuse = 1 helps:"
    " see runbook.",
    "remote_ports": "Let the load balancer keep connections open, or give it more addresses.",
    "nat_ports": "Translate to more addresses, or let the clients keep connections open.",
    "accept_queue": "Look at the load and the workers of the service: it accepts too slowly.",
    "conntrack": "Raise nf_conntrack_max, or exempt traffic from tracking.",
    "time_wait_buckets": "Raise tcp_max_tw_buckets, or close fewer connections.",
    "orphans": "Look for a network fault or an attack: closed connections whose peers are silent.",
    "memory": "Look for slow readers (ss -tm), or raise tcp_mem.",
    "close_wait": "Restart its owner, named below: only its code cures the leak.",
    "syn_sent": "The destination does not answer: stop trying it, or repair the way.",
    "tw_recycle": "sysctl -w net.ipv4.tcp_tw_recycle=0",
    "settings": "See the findings below: which setting, and what to set it to.",
    "bound_ports": "Let the client bind to port 0, or choose another port: more ports do not help.",
    "listeners": "Add the ports to net.ipv4.ip_local_reserved_ports.",
    "exporter": "Nobody watches meanwhile: read the exporter's log on that host.",
}


@cache
def rules() -> tuple[Json, ...]:
    """Return every alert as in its file, in the order of the files."""
    return tuple(_read())


def _read() -> Iterator[Json]:
    for path in sorted(RULES.glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from (rule for rule in group["rules"] if "alert" in rule)


def summaries() -> dict[str, str]:
    """Return what each alert says, by name."""
    return {rule["alert"]: rule["annotations"]["summary"] for rule in rules()}


def runbooks() -> dict[str, str]:
    """Return the path of each alert's runbook below docs/, by alert name."""
    urls = {rule["alert"]: rule["annotations"]["runbook_url"] for rule in rules()}
    return {alert: BELOW_DOCS + url.partition(f"/{BELOW_DOCS}")[2] for alert, url in urls.items()}
