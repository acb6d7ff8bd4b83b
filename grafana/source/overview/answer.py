"""The first screen: numbers, alerts and pools; below it, who uses the ports, and findings."""

from grafana.source.alert_table import alert_table
from grafana.source.layout import Section, Shelf
from grafana.source.overview.findings import finding_table
from grafana.source.overview.owners import owner_table
from grafana.source.overview.tiles import (
    exhaustion,
    exporters,
    findings,
    firing_alerts,
    fullest,
    refused,
    stuck,
)
from grafana.source.pool_table import pool_table


def answer() -> Section:
    tiles = [
        (3, firing_alerts()),
        (4, refused()),
        (5, fullest()),
        (4, exhaustion()),
        (3, stuck()),
        (2, findings()),
        (3, exporters()),
    ]
    return Section(
        "",
        [
            Shelf(3, tiles),
            Shelf(9, [(24, alert_table())]),
            Shelf(10, [(24, pool_table())]),
            Shelf(8, [(11, owner_table()), (13, finding_table())]),
        ],
    )
