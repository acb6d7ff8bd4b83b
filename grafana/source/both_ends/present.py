"""Both ends now: each pair, which end refuses first, and what each refuses."""

from grafana.source.both_ends.pairs import (
    CLIENT_SHARE,
    PAIR,
    SEEN_TWICE,
    SERVER_SHARE,
    UNPAIRED,
    at_client,
    at_server,
    inbound,
    outbound,
    server,
)
from grafana.source.colour import ATTENTION, DANGER
from grafana.source.forecast import FULL_OR_FAR, IN_WORDS, seconds_left
from grafana.source.layout import Section, Shelf
from grafana.source.links import to_host
from grafana.source.panel import Stat, texts
from grafana.source.pool_table import SECONDS
from grafana.source.query import HOST, increase_shown, now, rows
from grafana.source.refused import CONNECTS, NO_PORT, UNCOUNTED
from grafana.source.table import CLUSTER, Column, Table, value
from grafana.source.threshold import CALM, any_is

REFUSALS_OF_TIME_WAIT = 'event=~"PAWSTimewait|TCPACKSkippedTimeWait"'
EVENTS = "tcp_pressure_kernel_events_total"
WAITING = "tcp_pressure_pool_time_wait"

FIRST = {"0": "client, at connect()", "1": "server, by TIME_WAIT"}


def present() -> Section:
    tiles = [(6, _pairs()), (6, _by_clients()), (6, _by_servers()), (6, _repeated())]
    return Section("", [Shelf(3, tiles), Shelf(8, [(24, pair_table())])])


def pair_table() -> Table:
    return Table(
        title="Pairs, the fullest first",
        meaning="The pairs of addresses with the fullest pool at either end. The client"
        " chooses the port, so both ends count against its ports; TIME_WAIT stays with the end that"
        " closes first. Would refuse first is the end that has more of them in use. Client is empty"
        " where its pool is below 1 %, and so not listed, where that host has no exporter, or where"
        " it is not chosen.",
        normal="both shares below 70 %, full in > 10 min.",
        action="client: let it keep connections open, or give it addresses. Server: the client"
        " takes ports again that wait there; let the client close first, keep connections open, or"
        " give the client addresses. The remote of a row in Port pools has each end's history.",
        queries=[rows(expression) for expression in _shown()],
        unit="none",
        empty=UNPAIRED,
        columns=[
            CLUSTER,
            Column(name="client", title="Client", width=115),
            Column(name="instance", title="Server", width=115, links=[to_host()]),
            Column(name="remote_address", title="Client's address", width=130),
            Column(name="local_address", title="Server's address", width=135),
            Column(name="port", title="Port", width=60),
            _share(1, "Share at the client"),
            _share(2, "Share at the server"),
            _full(3, "Client full in"),
            _full(4, "Server full in"),
            Column(
                name=value(0),
                title="Would refuse first",
                width=175,
                worded=True,
                mappings=[texts(FIRST)],
            ),
            Column(name=value(5), title="TIME_WAIT, client", width=150, unit="locale"),
            Column(name=value(6), title="TIME_WAIT, server", width=150, unit="locale"),
        ],
        order=[("Share at the server", True), ("Share at the client", True)],
    )


def _shown() -> list[str]:
    """Return the values; those of one pair become one row, by its addresses."""
    return [
        _nearer(),
        at_client(CLIENT_SHARE),
        at_server(SERVER_SHARE),
        at_client(seconds_left(outbound(SECONDS))),
        at_server(seconds_left(inbound(SECONDS))),
        at_client(outbound(WAITING)),
        at_server(inbound(WAITING)),
    ]


def _nearer() -> str:
    """Return 1 if the server has a larger share of its ports in use than the client, else 0."""
    here = f"max by ({PAIR}) ({at_client(CLIENT_SHARE)})"
    there = f"max by ({PAIR}) ({at_server(SERVER_SHARE)})"
    return f"(({there} > bool {here}) or (0 * {there} + 1))"


def _share(number: int, title: str) -> Column:
    return Column(name=value(number), title=title, unit="percentunit", decimals=0, gauge=True)


def _full(number: int, title: str) -> Column:
    return Column(
        name=value(number),
        title=title,
        width=115,
        unit=IN_WORDS,
        decimals=0,
        mappings=[FULL_OR_FAR],
    )


def _pairs() -> Stat:
    return Stat(
        title="Pairs seen from both ends",
        meaning="How many of the fullest pools of the chosen clients, up to 50, are also seen by a"
        " chosen server.",
        normal="as many as clients times services.",
        action="fewer: see what the table of pairs says when it is empty.",
        queries=[now(f"count({SEEN_TWICE}) or vector(0)", "pairs")],
        unit="locale",
        empty="none",
        thresholds=CALM,
    )


def _by_clients() -> Stat:
    return Stat(
        title="Refused at the clients in this time",
        meaning="How many connect() calls of the chosen clients found no local port.",
        normal="0.",
        action="see the panel of refused connections for the destinations.",
        queries=[now(f"sum({increase_shown(CONNECTS, HOST, NO_PORT)})", "no port")],
        unit="locale",
        empty=UNCOUNTED,
        decimals=0,
        thresholds=any_is(DANGER),
    )


def _by_servers() -> Stat:
    refused = f"increase({server(EVENTS, REFUSALS_OF_TIME_WAIT)}[$__range])"
    return Stat(
        title="Refused by the servers' TIME_WAIT in this time",
        meaning="How many segments for connections in TIME_WAIT the chosen servers refused:"
        " connections of a client that took a port again too early for them. They start late.",
        normal="0.",
        action="give the client more addresses, or let it keep connections open.",
        queries=[now(f"sum({refused})", "segments")],
        unit="locale",
        empty="no sample",
        decimals=0,
        thresholds=any_is(ATTENTION),
    )


def _repeated() -> Stat:
    repeated = increase_shown(EVENTS, HOST, 'event="TCPSynRetrans"')
    return Stat(
        title="SYNs repeated by the clients in this time",
        meaning="How many connections of the chosen clients had to ask again: a server dropped the"
        " SYN, or its TIME_WAIT refused it.",
        normal="few.",
        action="many, and refusals by servers beside them: these connections wait for a second or"
        " more. Without such refusals look at accept queues.",
        queries=[now(f"sum({repeated})", "SYNs")],
        unit="locale",
        empty="no sample",
        decimals=0,
        thresholds=CALM,
    )
