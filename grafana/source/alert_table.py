"""The table of firing alerts: what each says, for how long, what to do, and its runbook."""

from grafana.source import alerts
from grafana.source.colour import SEVERITIES
from grafana.source.forecast import IN_WORDS
from grafana.source.links import to_document, to_host
from grafana.source.names import label_replace
from grafana.source.panel import Json, texts
from grafana.source.query import firing, rows
from grafana.source.table import CLUSTER, Column, Table

# The order of urgency, which is not alphabetical.
URGENCY = {"critical": "1", "warning": "2", "info": "3"}


def alert_table() -> Table:
    """Return the table, most urgent first."""
    runbook = to_document("Runbook", "${__data.fields.runbook}")
    return Table(
        title="What is wrong, and what to do",
        meaning="The alerts that fire, what each says, and for how long its condition has held."
        " A click leads to the runbook; where that is, the variable Documents at says.",
        normal="empty.",
        action="begin with the first row. What to do at once stands beside it; what not to do, and"
        " the permanent fix, in the runbook.",
        queries=[rows(_since_when())],
        unit=IN_WORDS,
        empty="No alert fires: nothing to do. Without the rules in Prometheus none ever does.",
        columns=[
            Column(
                name="urgency",
                title="Severity",
                width=80,
                coloured=True,
                mappings=[severity_words()],
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
            Column(name="Value", title="For", width=90, unit=IN_WORDS, decimals=0),
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
        order=[("Severity", False), ("For", True)],
    )


def _since_when() -> str:
    """Return the query: seconds since the condition of each firing alert began to hold."""
    started = firing().replace("ALERTS{", "ALERTS_FOR_STATE{").replace(', alertstate="firing"', "")
    seconds = f"(time() - {started}) and ignoring (alertstate) {firing()}"
    expression = f"max by (severity, kind, alertname, cluster, instance, direction) ({seconds})"
    return by_urgency(expression, "kind, alertname, cluster, instance, direction")


def by_urgency(expression: str, labels: str) -> str:
    """Return the alerts by urgency, these labels, and again their name, for the link."""
    for severity, place in URGENCY.items():
        expression = label_replace(expression, "urgency", place, "severity", severity)
    expression = label_replace(expression, "runbook", "$1", "alertname", "(.+)")
    return f"max by (urgency, {labels}, runbook) ({expression})"


def severity_words() -> Json:
    """Return the word and colour of each urgency."""
    words = {place: severity for severity, place in URGENCY.items()}
    return texts(words, {place: SEVERITIES[severity] for place, severity in words.items()})
