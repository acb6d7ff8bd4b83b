"""Both ends over time."""

from grafana.source.both_ends.pairs import (
    CLIENT_SHARE,
    SERVER_SHARE,
    UNPAIRED,
    at_client,
    at_server,
    inbound,
    outbound,
    server,
)
from grafana.source.both_ends.present import EVENTS, REFUSALS_OF_TIME_WAIT, WAITING
from grafana.source.colour import CLEAR
from grafana.source.layout import Section, Shelf
from grafana.source.names import HOST_NAME, OWNER_NAME, as_outbound, with_ends, with_owner
from grafana.source.panel import TimeSeries
from grafana.source.query import HOST, Query, rate
from grafana.source.refused import BY_OWNER, CONNECT, CONNECTS, PER_SECOND, UNCOUNTED
from grafana.source.threshold import ratio_steps
from tcp_pressure_exporter.pools.directions import OUTBOUND

TOP = 5
ENDS = "{{remote_address}} → {{local_address}}:{{port}}"


def history() -> Section:
    return Section(
        "History of both ends",
        [
            Shelf(10, [(12, _shares()), (12, _waiting())]),
            Shelf(9, [(12, _refused()), (12, _rejected())]),
        ],
    )


def _both(here: str, there: str) -> list[Query]:
    return [
        Query(at_client(here), f"{{{{cluster}}}} client {{{{client}}}}: {ENDS}"),
        Query(at_server(there), f"{{{{cluster}}}} server {{{{instance}}}}: {ENDS}"),
    ]


def _shares() -> TimeSeries:
    return TimeSeries(
        title="Share in use at both ends",
        meaning="The share of the client's ports that the pool has in use, as the client counts it"
        " and as the server does.",
        normal="below 70 %.",
        action="only the server's is high: its TIME_WAIT holds ports that the client has free, and"
        " takes again. Only the client's: it closes first, and runs out by itself.",
        queries=_both(CLIENT_SHARE, SERVER_SHARE),
        unit="percentunit",
        empty=UNPAIRED,
        low=0,
        thresholds=ratio_steps(OUTBOUND, base=CLEAR),
    )


def _waiting() -> TimeSeries:
    return TimeSeries(
        title="Ports in TIME_WAIT at both ends",
        meaning="Ports of the pair that TIME_WAIT holds at either end: it stays with the end that"
        " closes first.",
        normal="all at one end.",
        action="at the client it uses up the ports of the client; at the server it refuses a SYN"
        " that is not newer than what waits.",
        queries=_both(outbound(WAITING), inbound(WAITING)),
        unit="locale",
        empty=UNPAIRED,
        low=0,
    )


def _refused() -> TimeSeries:
    labels = "cluster, instance, service, process, local_address, remote_address, port"
    owners = f"topk({TOP}, sum by ({labels}) ({rate(BY_OWNER, HOST, CONNECT)}))"
    totals = f"sum by (cluster, instance) ({rate(CONNECTS, HOST)})"
    return TimeSeries(
        title="Refused by the clients: no port",
        meaning="Each connect() of the chosen clients that the kernel refused for lack of a port,"
        " by program and destination, and the total of each client.",
        normal="0.",
        action="relieve the pool of that destination.",
        queries=[
            Query(with_ends(with_owner(as_outbound(owners))), OWNER_NAME),
            Query(totals, f"{HOST_NAME} in all"),
        ],
        unit=PER_SECOND,
        empty=UNCOUNTED,
        low=0,
        at_least=1,
    )


def _rejected() -> TimeSeries:
    rejected = f"rate({server(EVENTS, REFUSALS_OF_TIME_WAIT)}[$__rate_interval])"
    return TimeSeries(
        title="Refused by the servers: TIME_WAIT (PAWS)",
        meaning="PAWSTimewait: a SYN came for a port in TIME_WAIT with a timestamp of the past."
        " TCPACKSkippedTimeWait: a client keeps trying such a port. By server; the kernel does not"
        " say for which client.",
        normal="0.",
        action="several clients behind one address, or one that takes ports again within a minute:"
        " give it more addresses, or let it keep connections open.",
        queries=[
            Query(
                f"topk({TOP}, sum by (cluster, instance, event) ({rejected}))",
                f"{HOST_NAME}: {{{{event}}}}",
            )
        ],
        unit=PER_SECOND,
        empty="no sample",
        low=0,
        at_least=1,
    )
