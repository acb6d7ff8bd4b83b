from dataclasses import replace

from tcp_pressure_exporter.facts.sockets import BoundSocket
from tcp_pressure_exporter.facts.tally import SocketTally
from tcp_pressure_exporter.sample.sockets import socket_states
from tests.support.fakes.tallies import EMPTY, bound_tally
from tests.support.messages.datagrams import CLOSE_WAIT, ESTABLISHED, TIME_WAIT
from tests.support.messages.socket_entries import sixteen_bytes

# The values of node_exporter's node_tcp_connection_states (collector/tcpstat_linux.go).
NODE_EXPORTER_STATES = {
    *("established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait"),
    *("close", "close_wait", "last_ack", "listen", "closing"),
}
WITHOUT_TIME_WAIT = {kind: 0 for kind in EMPTY.states if kind[1] != TIME_WAIT}


def tally(states: dict[tuple[bool, int], int]) -> SocketTally:
    return replace(EMPTY, states={**EMPTY.states, **states})


def bound(address: str, *, listening: bool) -> BoundSocket:
    return BoundSocket(sixteen_bytes(address), 8080, listening=listening, ipv6_only=False)


def test_idle_host() -> None:
    """Every pair of family and state is there, with zero sockets on an idle host."""
    states = socket_states(tally({}), bound_tally())
    assert states == {
        (family, state): 0 for family in ("ipv4", "ipv6") for state in NODE_EXPORTER_STATES
    }


def test_hidden_time_wait() -> None:
    """If the system does not show TIME_WAIT, that state is absent, not zero."""
    states = socket_states(replace(EMPTY, states=WITHOUT_TIME_WAIT), bound_tally())
    assert {state for _family, state in states} == NODE_EXPORTER_STATES - {"time_wait"}


def test_counts() -> None:
    """The tally's numbers appear under the names of their family and state."""
    states = socket_states(
        tally({(True, ESTABLISHED): 3, (False, ESTABLISHED): 2, (True, TIME_WAIT): 5,
               (False, CLOSE_WAIT): 1}),
        bound_tally(),
    )  # fmt: skip
    assert {pair: count for pair, count in states.items() if count} == {
        ("ipv4", "established"): 3,
        ("ipv6", "established"): 2,
        ("ipv4", "time_wait"): 5,
        ("ipv6", "close_wait"): 1,
    }


def test_listeners() -> None:
    """Listeners count by the family of their address; bound-only sockets do not count."""
    states = socket_states(
        tally({}),
        bound_tally(
            [
                bound("0.0.0.0", listening=True),
                bound("::ffff:127.0.0.1", listening=True),
                bound("::", listening=True),
                bound("127.0.0.1", listening=False),
            ]
        ),
    )
    assert (states["ipv4", "listen"], states["ipv6", "listen"]) == (2, 1)
    assert sum(states.values()) == 3
