"""A whole dashboard in Grafana's classic layout, which file provisioning takes from 12.4 to 13."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana.source.colour import SEVERITIES
from grafana.source.layout import Section, arrange
from grafana.source.links import TAG, to_the_others
from grafana.source.panel import Json
from grafana.source.query import DATASOURCE, firing
from grafana.source.variables import menus


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """labels: those that the viewer chooses by; since, refresh: Grafana's durations."""

    uid: str
    title: str
    description: str
    labels: Sequence[str]
    since: str
    refresh: str

    def json(self, docs_url: str, sections: Sequence[Section]) -> Json:
        """Return the dashboard as Grafana stores it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["tcp", TAG],
            "schemaVersion": 42,
            "editable": False,
            "graphTooltip": 1,
            "refresh": self.refresh,
            "timezone": "browser",
            "time": {"from": f"now-{self.since}", "to": "now"},
            "annotations": {"list": [_alerts(name) for name in ("critical", "warning")]},
            "links": to_the_others(),
            "templating": {"list": menus(self.labels, docs_url)},
            "panels": arrange(sections),
        }


def _alerts(severity: str) -> Json:
    return {
        "name": f"Alerts: {severity}",
        "enable": True,
        "hide": False,
        "iconColor": SEVERITIES[severity],
        "datasource": DATASOURCE,
        "expr": firing(f'severity="{severity}"'),
        "titleFormat": "{{alertname}}",
        "textFormat": "{{cluster}} {{instance}} {{direction}}",
        "tagKeys": "severity,kind",
    }
