"""What the exporter itself found, with its own advice."""

from grafana.source.colour import ATTENTION, DANGER, NEUTRAL
from grafana.source.links import to_document, to_host
from grafana.source.panel import texts
from grafana.source.query import NAMESPACE, rows, select
from grafana.source.table import CLUSTER, Column, Table
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.findings.table import FINDINGS

COLOURS = {Severity.CALM: NEUTRAL, Severity.WARNING: ATTENTION, Severity.CRITICAL: DANGER}


def finding_table() -> Table:
    """Return the table of current findings."""
    page = to_document("What it means, and what not to do", "findings.md#${__data.fields.finding}")
    advice = {finding.name: finding.advice for finding in FINDINGS if finding.exported}
    colours = {finding.name: COLOURS[finding.severity] for finding in FINDINGS if finding.exported}
    selector = select("tcp_pressure_finding", NAMESPACE)
    labels = "cluster, instance, finding"
    # The same label again, to show both its name and the advice.
    copied = f'label_replace({selector} == 1, "advice", "$1", "finding", "(.+)")'
    return Table(
        title="Findings, and what to do",
        meaning="Settings that harm or do nothing, and services in the way of ports. Red: it breaks"
        " connections now. Orange: in working hours. Blue: it can wait, and may be meant.",
        normal="empty, or blue ones that are meant.",
        action="what the row says; click it for the reasons, and for what not to do.",
        queries=[rows(f"max by ({labels}, advice) ({copied})")],
        unit="none",
        empty="Nothing found: no setting harms, no service is in the way.",
        columns=[
            CLUSTER,
            Column(name="instance", title="Host", width=110, links=[to_host()]),
            Column(
                name="finding",
                title="Finding",
                width=245,
                coloured=True,
                mappings=[texts({name: name for name in colours}, colours)],
                links=[page],
            ),
            Column(
                name="advice",
                title="What to do",
                mappings=[texts(advice)],
                links=[page],
            ),
        ],
        dropped=["Value"],
        order=[("Host", False), ("Finding", False)],
    )
