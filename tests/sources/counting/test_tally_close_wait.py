"""What both parsers report about sockets in CLOSE_WAIT: numbers by cause, and entries."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.close_wait import CAUSES
from tcp_pressure_exporter.facts.tally import MAX_KEPT, SocketTally
from tcp_pressure_exporter.sources.netlink.entries import close_wait_sockets
from tests.sources.counting.counting import rules, tally, tally_datagrams
from tests.sources.counting.recordings import recorded_datagrams, ss_lines
from tests.support.messages.close_wait_kinds import KINDS, Kind, kind_of
from tests.support.messages.datagrams import CLOSE_WAIT, ESTABLISHED, TIME_WAIT, Entry, diag_message
from tests.support.messages.socket_entries import entries, sixteen_bytes

KEPT = replace(rules(), kept_states=1 << CLOSE_WAIT)


def by_cause(counted: SocketTally) -> dict[str, int]:
    return {cause: count for cause, count in counted.close_wait._asdict().items() if count}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind(kind: Kind) -> None:
    """Each kind counts once, for its cause and no other."""
    assert by_cause(tally([kind.entry()], KEPT)) == {kind.cause: 1}


def test_other_states() -> None:
    """The same queues and timers in another state count for no cause."""
    found = [replace(kind.entry(), state=state) for kind in KINDS for state in range(1, 12)
             if state != CLOSE_WAIT]  # fmt: skip
    counted = tally(found, KEPT)
    assert (by_cause(counted), counted.kept, counted.kept_overflow) == ({}, (), 0)


@pytest.mark.parametrize("port", [40000, 50000, 443, 40009])
def test_wherever_it_is(port: int) -> None:
    """A socket counts whatever its port is to the pools: choosable, outside, served or blocked."""
    by = rules(served=[443], bound=[40009])
    assert by_cause(tally([kind_of("eof_unread").entry(port)], by)) == {"eof_unread": 1}


def test_all_are_counted() -> None:
    """Beyond the number of kept entries, sockets still count for their cause."""
    found = [kind_of("not_closed").entry()] * (MAX_KEPT + 7) + [kind_of("peer_gone").entry()]
    counted = tally(found, KEPT)
    assert by_cause(counted) == {"not_closed": MAX_KEPT + 7, "peer_gone": 1}
    assert (len(counted.kept), counted.kept_overflow) == (MAX_KEPT, 8)


@given(st.lists(st.sampled_from(KINDS)))
def test_any_mixture(kinds: list[Kind]) -> None:
    """Causes add up, in whatever order and number they come."""
    found = [kind.entry(cookie=number) for number, kind in enumerate(kinds)]
    counted = tally(found, KEPT)
    assert by_cause(counted) == Counter(kind.cause for kind in kinds)
    assert [socket.cause for socket in close_wait_sockets(counted.kept)] == [
        kind.cause for kind in kinds
    ]


def in_close_wait(found: list[Entry]) -> list[Entry]:
    """Move what was in TIME_WAIT to CLOSE_WAIT: half of all sockets."""
    return [replace(e, state=CLOSE_WAIT) if e.state == TIME_WAIT else e for e in found]


@given(entries().map(in_close_wait), st.sampled_from([0, 1 << CLOSE_WAIT, 1 << ESTABLISHED]))
def test_like_the_state(found: list[Entry], kept_states: int) -> None:
    """Both parsers count alike; the causes add up to the state, and to what was kept of it."""
    counted = tally(found, replace(rules(), kept_states=kept_states))
    waiting = [entry for entry in found if entry.state == CLOSE_WAIT]
    assert sum(counted.close_wait) == len(waiting)
    assert counted.kept == tuple(
        diag_message(entry) for entry in found if kept_states >> entry.state & 1
    )
    if kept_states == 1 << CLOSE_WAIT:
        sockets = close_wait_sockets(counted.kept)
        told = Counter(socket.cause for socket in sockets)
        assert counted.close_wait == tuple(told[cause] for cause in CAUSES)
        assert [s.owner_id.inode for s in sockets] == [entry.inode for entry in waiting]


def test_recording() -> None:
    """The recorded sockets have the cause that their queues in `ss` show: nobody read the FIN."""
    counted = tally_datagrams(recorded_datagrams("main"), KEPT)
    shown = [line for line in ss_lines() if line.state == "CLOSE-WAIT"]
    assert {(line.receive_queue, line.send_queue) for line in shown} == {(1, 0)}
    assert by_cause(counted) == {"eof_unread": len(shown)}
    assert Counter(socket.remote_address for socket in close_wait_sockets(counted.kept)) == (
        Counter(sixteen_bytes(line.remote) for line in shown)
    )
