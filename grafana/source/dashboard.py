"""A whole dashboard in Grafana's classic layout, which file provisioning takes from 12.4 to 13."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana.source.colour import DANGER, SEVERITIES
from grafana.source.layout import Section, arrange
from grafana.source.links import TAG, to_the_others
from grafana.source.names import as_outbound, label_replace, with_ends, with_owner
from grafana.source.panel import Json
from grafana.source.query import DATASOURCE, HOST, firing, rate
from grafana.source.refused import BINDS, BY_OWNER, CONNECTS, NO_PORT
from grafana.source.variables import menus

STEP = "15s"  # of annotations: Grafana's own minute would blur the moment


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """labels: those the viewer chooses by; since, refresh: Grafana's durations.

    recorded_only: no query reads the series of single hosts.
    """

    uid: str
    title: str
    description: str
    labels: Sequence[str]
    since: str
    refresh: str
    recorded_only: bool = False

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
            "annotations": {"list": self._annotations()},
            "links": to_the_others(),
            "templating": {"list": menus(self.labels, docs_url, recorded_only=self.recorded_only)},
            "panels": arrange(sections),
        }

    def _annotations(self) -> list[Json]:
        urgent = ("critical", "warning")
        if self.recorded_only:
            return [_alerts(name, "count by (cluster, alertname)") for name in urgent]
        return [*(_alerts(name) for name in urgent), _refusals()]


def _alerts(severity: str, merged: str = "") -> Json:
    alerts = firing(f'severity="{severity}"')
    return _marks(
        f"Alerts: {severity}",
        SEVERITIES[severity],
        f"{merged} ({alerts})" if merged else alerts,
        "{{alertname}}",
        "{{cluster}} {{instance}} {{direction}}",
    )


def _refusals() -> Json:
    """Return the moments at which a program found no port: which program, or else which host."""
    labels = "cluster, instance, netns, call, service, process, local_address, remote_address, port"
    owners = f"sum by ({labels}) ({rate(BY_OWNER, HOST, NO_PORT)}) > 0"
    totals = " or ".join(
        label_replace(rate(total, HOST, NO_PORT), "call", call, "", "")
        for call, total in {"connect": CONNECTS, "bind": BINDS}.items()
    )
    # A new owner's first call is no rise of an existing counter, except of the total.
    unnamed = f"({totals}) unless on (cluster, instance, netns, call) ({owners})"
    return _marks(
        "Refused for lack of a port",
        DANGER,
        with_ends(as_outbound(with_owner(f"({owners}) or ({unnamed})"))),
        "{{call}}() refused",
        "{{cluster}} {{instance}} {{owner}}: {{ends}}",
    )


def _marks(name: str, colour: str, expression: str, title: str, text: str) -> Json:
    """Return an annotation: a line, or an area, wherever the expression is above 0."""
    return {
        "name": name,
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "datasource": DATASOURCE,
        "expr": expression,
        "step": STEP,
        "titleFormat": title,
        "textFormat": text,
        "tagKeys": "severity,kind",
    }
