"""Sockets by state, stuck ones, and those in transient states."""

from grafana.source.colour import ATTENTION, CAUSES, CLEAR, FAMILIES, STATES
from grafana.source.forecast import MINUTES
from grafana.source.layout import Section, Shelf
from grafana.source.panel import TimeSeries
from grafana.source.query import NAMESPACE, Query, select
from grafana.source.threshold import MANY_STUCK, steps

SOCKETS = "tcp_pressure_sockets"
PASSING = ("syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "last_ack", "closing")
MANY = steps((MANY_STUCK, ATTENTION), base=CLEAR)


def sockets() -> Section:
    return Section(
        "Sockets",
        [
            Shelf(9, [(12, _by_state()), (6, _time_wait()), (6, _close_wait())]),
            Shelf(9, [(12, _passing()), (6, _causes()), (6, _oldest())]),
        ],
    )


def _by_state() -> TimeSeries:
    return TimeSeries(
        title="Connections by state",
        meaning="TCP sockets of all hosts chosen by state, listeners included. Click a name to see"
        " it alone: beside TIME_WAIT the others are small.",
        normal="mostly established and time_wait.",
        action="much TIME_WAIT is harmless by itself: look at the pools. CLOSE_WAIT that only rises"
        " is a leak.",
        queries=[Query(f"sum by (state) ({select(SOCKETS, NAMESPACE)})", "{{state}}")],
        unit="locale",
        empty="no sample",
        low=0,
        colours=STATES,
        beside=True,
    )


def _time_wait() -> TimeSeries:
    return TimeSeries(
        title="TIME_WAIT by family",
        meaning="Closed connections whose ports wait for a minute, by family on the wire.",
        normal="62 times the closes per second.",
        action="nothing because of this number: 50,000 towards many destinations are harmless,"
        " 28,000 towards one are an outage. The pools tell these apart.",
        queries=[_families("time_wait")],
        unit="locale",
        empty="no sample",
        low=0,
        colours=FAMILIES,
    )


def _close_wait() -> TimeSeries:
    return TimeSeries(
        title="CLOSE_WAIT by family",
        meaning="Connections that the peer has closed and the application has not.",
        normal="a handful that come and go; above 100 the area is orange.",
        action="a line that only rises is a leak: the table of owners names the service.",
        queries=[_families("close_wait")],
        unit="locale",
        empty="no sample",
        low=0,
        thresholds=MANY,
        colours=FAMILIES,
    )


def _families(state: str) -> Query:
    matcher = f'state="{state}"'
    return Query(f"sum by (family) ({select(SOCKETS, NAMESPACE, matcher)})", "{{family}}")


def _passing() -> TimeSeries:
    states = f'state=~"{"|".join(PASSING)}"'
    return TimeSeries(
        title="Handshake and closing states",
        meaning="Connections on their way to being established, or to being gone.",
        normal="below 100 each (orange): they last a round trip.",
        action="many syn_sent: a destination does not answer. Many syn_recv: a flood, or answers"
        " that get lost. Many fin_wait2: peers that do not close.",
        queries=[Query(f"sum by (state) ({select(SOCKETS, NAMESPACE, states)})", "{{state}}")],
        unit="locale",
        empty="no sample",
        low=0,
        thresholds=MANY,
        colours={state: STATES[state] for state in PASSING},
        beside=True,
    )


def _causes() -> TimeSeries:
    stuck = select("tcp_pressure_close_wait_sockets", NAMESPACE)
    return TimeSeries(
        title="CLOSE_WAIT by cause",
        meaning="Why they are there. not_closed: the application has read the end and leaks the"
        " connection. eof_unread: it does not even read. peer_gone, window_closed: the peer.",
        normal="all near 0.",
        action="not_closed, eof_unread: restart and mend the application. The others: the peer or"
        " the network.",
        queries=[Query(f"sum by (cause) ({stuck})", "{{cause}}")],
        unit="locale",
        empty="no sample",
        low=0,
        colours=CAUSES,
    )


def _oldest() -> TimeSeries:
    oldest = select("tcp_pressure_close_wait_oldest_seconds", NAMESPACE)
    return TimeSeries(
        title="Oldest in CLOSE_WAIT",
        meaning="For how long the oldest connection has been there at least, by cause.",
        normal="less than a minute.",
        action="a line that rises with the clock: the same connections are still there.",
        queries=[Query(f"max by (cause) ({oldest}) / 60", "{{cause}}")],
        unit=MINUTES,
        empty="no sample",
        low=0,
        colours=CAUSES,
    )
