"""Who: whose open connections fill pools or are stuck, who closes first, who was refused."""

from grafana.source.links import to_host
from grafana.source.names import as_outbound, label_replace, with_ends, with_owner
from grafana.source.query import DIRECTION, NAMESPACE, Query, increase_shown, rate, rows, select
from grafana.source.refused import BY_OWNER, CLOSES, CONNECT
from grafana.source.table import CLUSTER, Column, Table, value

TOP = 4  # of each kind, mostly the same ones


def owner_table() -> Table:
    return Table(
        title="Who uses the ports",
        meaning="Programs, by what they connect to. Open: their connections in outbound pools that"
        " are filling up, or stuck in CLOSE_WAIT. Closes/s: what they close first, which leaves"
        " TIME_WAIT here. Refused: their connections that found no port, in the time shown.",
        normal="nothing open in a full pool or in CLOSE_WAIT, nothing refused.",
        action="this is the program to reconfigure or restart. Names of programs take a capability"
        " of the exporter, and closes and refusals take BPF (docs/metrics.md).",
        queries=_queries(),
        unit="locale",
        empty="No pool is near its limit, nothing is stuck, nobody closes first or is refused.",
        columns=[
            CLUSTER,
            Column(name="instance", title="Host", width=105, links=[to_host()]),
            Column(name="owner", title="Program"),
            Column(name="ends", title="Pool", width=235),
            Column(name=value(0), title="Open", width=70, unit="locale"),
            Column(name=value(1), title="Closes/s", width=80, unit="none", decimals=1),
            Column(name=value(2), title="Refused", width=75, unit="locale", decimals=0),
        ],
        order=[("Refused", True), ("Closes/s", True), ("Open", True)],
    )


def _queries() -> list[Query]:
    crowded = select("tcp_pressure_pool_owner_sockets", DIRECTION)
    stuck = select("tcp_pressure_close_wait_owner_sockets", NAMESPACE)
    refused = increase_shown(BY_OWNER, NAMESPACE, CONNECT)
    shown = [
        _most(f"{crowded} or {stuck}"),
        _most(rate(CLOSES, DIRECTION)),
        _most(as_outbound(f"({refused} > 0)")),
    ]
    return [rows(expression) for expression in shown]


def _most(expression: str) -> str:
    """Return the owners with the most, by name; sockets in CLOSE_WAIT are in no pool."""
    pool = "direction, local_address, remote_address, port"
    by_owner = f"topk({TOP}, sum by (cluster, instance, service, process, {pool}) ({expression}))"
    named = label_replace(with_ends(with_owner(by_owner)), "ends", "CLOSE_WAIT", "ends", "none")
    return f"sum by (cluster, instance, owner, ends) ({named})"
