"""Whose connections fill pools near their limit, and whose are stuck."""

from grafana.source.links import to_host
from grafana.source.query import DIRECTION, NAMESPACE, rows, select
from grafana.source.table import CLUSTER, Column, Table


def owner_table() -> Table:
    return Table(
        title="Whose connections",
        meaning="Owners of the open connections in outbound pools that are 70 % full, and of those"
        " stuck in CLOSE_WAIT. TIME_WAIT has no owner: who has the open connections of a pool most"
        " likely closed the others.",
        normal="empty.",
        action="this is the service to reconfigure or restart. Process names take a capability of"
        " the exporter (docs/metrics.md).",
        queries=[rows(_sockets())],
        unit="locale",
        empty="No pool is near its limit, and nothing is stuck in CLOSE_WAIT.",
        columns=[
            CLUSTER,
            Column(name="instance", title="Host", width=110, links=[to_host()]),
            Column(name="service", title="Service", width=130),
            Column(name="process", title="Process", width=130),
            Column(name="where", title="In"),
            Column(name="Value", title="Sockets", width=85, unit="locale"),
        ],
        order=[("Sockets", True)],
    )


def _sockets() -> str:
    crowded = select("tcp_pressure_pool_owner_sockets", DIRECTION)
    stuck = select("tcp_pressure_close_wait_owner_sockets", NAMESPACE)
    labels = "cluster, instance, service, process, where"
    return (
        f"topk(10, sum by ({labels}) ("
        f'label_join({crowded}, "where", ":", "remote_address", "port")'
        f' or label_replace({stuck}, "where", "CLOSE_WAIT", "", "")))'
    )
