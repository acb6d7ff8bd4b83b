"""The table of the alerts that fire: what each says, for how long, what to do, and its runbook."""

from grafana.source import alerts
from grafana.source.colour import SEVERITIES
from grafana.source.links import to_document, to_host
from grafana.source.panel import texts
from grafana.source.query import firing, rows
from grafana.source.table import CLUSTER, Column, Table

# The order of urgency, which is not that of the alphabet.
URGENCY = {"critical": "1", "warning": "2", "info": "3"}


def alert_table() -> Table:
    """Return the table, the most urgent first."""
    runbook = to_document("Runbook", "${__data.fields.runbook}")
    return Table(
        title="What is wrong, and what to do",
        meaning="The alerts that fire, what each says, and for how long its condition has held."
        " A click leads to the runbook; where that is, the variable Documents at says.",
        normal="empty.",
        action="begin with the first row. What to do at once stands beside it; what not to do, and"
        " what to do for good, in the runbook.",
        queries=[rows(_since_when())],
        unit="s",
        empty="No alert fires: nothing to do. Without the rules in Prometheus none ever does.",
        columns=[
            Column(
                name="urgency",
                title="Severity",
                width=80,
                coloured=True,
                mappings=[texts(*_severities())],
            ),
            CLUSTER,
            Column(name="instance", title="Host", width=110, links=[to_host()]),
            Column(
                name="alertname",
                title="What is wrong",
                width=510,
                mappings=[texts(alerts.summaries())],
                links=[runbook],
            ),
            Column(name="direction", title="Direction", width=90),
            Column(name="Value", title="For", width=90, unit="s", decimals=0),
            Column(
                name="kind",
                title="What to do at once",
                mappings=[texts(alerts.ADVICE)],
                links=[runbook],
            ),
            Column(
                name="runbook",
                title="Runbook",
                hidden=True,
                mappings=[texts(alerts.runbooks())],
            ),
        ],
        order=[("Severity", False)],
    )


def _since_when() -> str:
    """Return the query: seconds since the condition of each alert that fires began to hold."""
    started = firing().replace("ALERTS{", "ALERTS_FOR_STATE{").replace(', alertstate="firing"', "")
    seconds = f"(time() - {started}) and ignoring (alertstate) {firing()}"
    expression = f"max by (severity, kind, alertname, cluster, instance, direction) ({seconds})"
    for severity, place in URGENCY.items():
        expression = _copy_label(expression, "urgency", place, "severity", severity)
    expression = _copy_label(expression, "runbook", "$1", "alertname", "(.+)")
    return (
        f"max by (urgency, kind, alertname, cluster, instance, direction, runbook) ({expression})"
    )


def _copy_label(expression: str, new: str, replacement: str, old: str, pattern: str) -> str:
    return f'label_replace({expression}, "{new}", "{replacement}", "{old}", "{pattern}")'


def _severities() -> tuple[dict[str, str], dict[str, str]]:
    words = {place: severity for severity, place in URGENCY.items()}
    return words, {place: SEVERITIES[severity] for place, severity in words.items()}
