"""Panels' queries, and selectors limited to what the viewer has chosen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

# The labels that limit a selector, each by the variable of the same name.
FLEET = ("cluster", "job")
HOST = (*FLEET, "instance")
NAMESPACE = (*HOST, "netns")
DIRECTION = (*NAMESPACE, "direction")
POOL = (*DIRECTION, "local_address", "remote_address", "port")

# What identifies a pool when values of several metrics are joined.
POOL_LABELS = ", ".join(label for label in POOL if label != "job")
# These keep series apart in a store that does not merge two Prometheus servers.
REPLICA = "replica, prometheus_replica"


@dataclass(frozen=True)
class Query:
    """A PromQL expression, and the name a legend gives to its series."""

    expression: str
    legend: str = ""
    instant: bool = False
    table: bool = False

    def target(self, letter: str) -> dict[str, Any]:
        """Return the query as Grafana stores it."""
        target = {
            "refId": letter,
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": self.expression,
            "instant": self.instant,
            "range": not self.instant,
        }
        if self.table:
            return target | {"format": "table"}
        return target | {"legendFormat": self.legend}


def select(metric: str, labels: Sequence[str], *matchers: str) -> str:
    """Return a selector of the metric for the labels' chosen values, and these matchers."""
    chosen = [f'{label}=~"${label}"' for label in labels]
    return f"{metric}{{{', '.join([*chosen, *matchers])}}}"


def now(expression: str, legend: str = "") -> Query:
    """Return a query of only the present value.

    A range would show its last value as current after an exporter has died.
    """
    return Query(expression, legend, instant=True)


def rows(expression: str) -> Query:
    """Return a query of present values for a table."""
    return replace(now(expression), table=True)


def rate(metric: str, labels: Sequence[str], *matchers: str) -> str:
    """Return the rate per second of a counter over an interval of Grafana's choice."""
    return f"rate({select(metric, labels, *matchers)}[$__rate_interval])"


def increase(metric: str, labels: Sequence[str], *matchers: str) -> str:
    """Return by how much a counter has grown over an interval of Grafana's choice."""
    return f"increase({select(metric, labels, *matchers)}[$__rate_interval])"


def increase_shown(metric: str, labels: Sequence[str], *matchers: str) -> str:
    """Return by how much a counter has grown in the whole time the dashboard shows."""
    return f"increase({select(metric, labels, *matchers)}[$__range])"


def recorded(series: str, labels: Sequence[str], *matchers: str) -> str:
    """Return a selector of a recorded series, once if two replicas have recorded it."""
    return f"max without ({REPLICA}) ({select(series, labels, *matchers)})"


def ratio(used: str, limit: str, labels: Sequence[str], *matchers: str) -> str:
    return f"{select(used, labels, *matchers)} / {select(limit, labels, *matchers)}"


def firing(*matchers: str) -> str:
    """Return the selector of firing alerts, including those of no particular instance."""
    own = ('alertname=~"TcpPressure.+"', 'alertstate="firing"')
    alerts = select("ALERTS", FLEET, 'instance=~"$instance|"', *own, *matchers)
    return f"max without ({REPLICA}) ({alerts})"
