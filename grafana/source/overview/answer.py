"""The first screen: numbers, alerts, pools, whose connections, and findings."""

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
    stuck,
)
from grafana.source.pool_table import pool_table


def answer() -> Section:
    tiles = [
        (4, firing_alerts()),
        (7, fullest()),
        (5, exhaustion()),
        (3, stuck()),
        (2, findings()),
        (3, exporters()),
    ]
    return Section(
        "",
        [
            Shelf(3, tiles),
            Shelf(6, [(24, alert_table())]),
            Shelf(6, [(24, pool_table())]),
            Shelf(5, [(8, owner_table()), (16, finding_table())]),
        ],
    )
