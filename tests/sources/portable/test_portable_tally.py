"""The sockets that psutil lists are counted as the readable parser counts a netlink dump."""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.ports import port_set
from tcp_pressure_exporter.facts.tally import (
    AGE_ERROR_MS,
    Edge,
    RowRules,
    SocketTally,
    TallyRules,
)
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse, same_length
from tcp_pressure_exporter.sources.counting.readable import tally_datagrams
from tcp_pressure_exporter.sources.netlink.socket import Datagram
from tcp_pressure_exporter.sources.portable.sockets import (
    UNKNOWN_BEGINNING,
    PortableSocket,
    parse_portable_sockets,
)
from tcp_pressure_exporter.sources.portable.tally import (
    TimeWaitView,
    tally_portable_sockets,
    without_time_wait,
)
from tests.sources.counting.counting import EVERYWHERE, NEVER, ON_LOOPBACK, RANGE, key, rules
from tests.support.fakes.portable_rows import row_of
from tests.support.messages.datagrams import ESTABLISHED, SEQUENCE, TIME_WAIT, Entry, dump_of
from tests.support.messages.socket_entries import entries, port_sets, sixteen_bytes

NOW_MS = 1_000_000


def view_of(found: Sequence[Entry]) -> TimeWaitView:
    """Return what is known about entries whose ages the kernel gives."""
    sockets = parse_portable_sockets(map(row_of, found))
    began_ms = {
        socket: NOW_MS - (60_000 - entry.expires)
        for socket, entry in zip(sockets, found, strict=True)
        if entry.state == TIME_WAIT
    }
    return TimeWaitView(NOW_MS, began_ms, complete=True)


def portable(found: Sequence[Entry], by: TallyRules, view: TimeWaitView) -> SocketTally:
    return tally_portable_sockets(parse_portable_sockets(map(row_of, found)), by, view)


def by_netlink(found: Sequence[Entry], by: TallyRules) -> SocketTally:
    datagrams = [Datagram(NOW_MS, content) for content in dump_of(found)]
    return tally_datagrams(datagrams, SEQUENCE, by, NOW_MS)


ROWS = st.tuples(st.integers(0, 3), st.integers(0, 5)).map(lambda row: RowRules(*row))


@settings(deadline=None)
@given(
    entries(),
    st.tuples(port_sets(), port_sets()),
    st.sampled_from([NEVER, EVERYWHERE, ON_LOOPBACK]),
    st.tuples(ROWS, ROWS),
)
def test_as_netlink(
    found: list[Entry],
    bound_and_served: tuple[frozenset[int], frozenset[int]],
    reuse: TimeWaitReuse,
    rows: tuple[RowRules, RowRules],
) -> None:
    """States, ports and pools are those of the readable parser, for the same sockets and rules.

    The exception is the loopback interface, which psutil does not show.
    """
    found = [replace(entry, interface=0) for entry in found]
    by = rules(bound=bound_and_served[0], served=bound_and_served[1], reuse=reuse)
    by = replace(by, outbound_rows=rows[0], inbound_rows=rows[1])
    expected = by_netlink(found, by)
    counted = portable(found, by, view_of(found))
    assert counted.states == expected.states
    assert counted.held == expected.held
    assert counted.by_address == expected.by_address
    assert counted.address_overflow == expected.address_overflow
    for direction in ("outbound", "inbound"):
        ours, theirs = getattr(counted, direction), getattr(expected, direction)
        assert ours == theirs


@settings(deadline=None)
@given(entries(), port_sets(), st.integers(0, 59_000))
def test_entered_as_netlink(found: list[Entry], served: frozenset[int], before_ms: int) -> None:
    """What entered since a tally taken that long before is the same too.

    The exception is entries of about that moment, which netlink tells apart by cookies.
    """
    since_ms = NOW_MS - before_ms
    found = [
        replace(entry, interface=0)
        for entry in found
        if entry.state != TIME_WAIT or abs(60_000 - entry.expires - before_ms) > AGE_ERROR_MS
    ]
    by = replace(rules(served=served), since=Edge(since_ms, since_ms, b""))
    expected = by_netlink(found, by)
    counted = portable(found, by, view_of(found))
    assert counted.outbound == expected.outbound
    assert counted.inbound == expected.inbound
    young = [
        entry for entry in found if entry.state == TIME_WAIT and 60_000 - entry.expires < before_ms
    ]
    rows = (*counted.outbound.rows.values(), *counted.inbound.rows.values())
    mine = set(RANGE) | served
    assert sum(row.entered for row in rows) == sum(entry.local_port in mine for entry in young)


def outgoing(state: int, port: int) -> PortableSocket:
    return PortableSocket(sixteen_bytes("10.0.0.2"), port, sixteen_bytes("10.0.0.9"), 443, state)


POOL = key("10.0.0.2", "10.0.0.9", 443)
WAITING = [outgoing(TIME_WAIT, port) for port in (40000, 40001, 40002)]


def test_entered() -> None:
    """Entries that began after the previous tally count as entered; those of unknown age do not."""
    dates = dict(zip(WAITING, [UNKNOWN_BEGINNING, 5000.0, 5000.5], strict=True))
    view = TimeWaitView(10_000, dates, complete=False)
    first = tally_portable_sockets(WAITING, rules(), view)
    assert first.outbound.rows[POOL].entered == 0
    since = replace(rules(), since=Edge(5000, 5000, b""))
    assert tally_portable_sockets(WAITING, since, view).outbound.rows[POOL].entered == 1
    assert first.edge == Edge(10_000, 10_000, b"")


def test_without_ages() -> None:
    """Until all entries have a date there is no histogram of ages, not one of zeros."""
    view = TimeWaitView(10_000, dict.fromkeys(WAITING, UNKNOWN_BEGINNING), complete=False)
    tally = tally_portable_sockets(WAITING, rules(), view)
    assert tally.outbound.rows[POOL].ages == b""
    assert tally.outbound.others.ages == b""


def test_length_of_time_wait() -> None:
    """The histogram has each second that TIME_WAIT lasts, and one for anything older."""
    ages = [0.2, 119.9, 500.0]
    dates = {entry: 1e6 - 1000 * age for entry, age in zip(WAITING, ages, strict=True)}
    by = replace(rules(), reuse=replace(NEVER, lengths=same_length(120_000), tick=0.0, told=False))
    tally = tally_portable_sockets(WAITING, by, TimeWaitView(10**6, dates, complete=True))
    assert list(array("I", tally.outbound.rows[POOL].ages)) == [1, *[0] * 118, 1, 1]


def test_hidden_time_wait() -> None:
    """If the system does not show TIME_WAIT, its number is None, not zero, and it has no ages."""
    view = TimeWaitView(10_000, {}, complete=True)
    found = [outgoing(ESTABLISHED, 40000), outgoing(ESTABLISHED, 40001)]
    told = tally_portable_sockets(found, rules(served=[40001]), view)
    tally = without_time_wait(told)
    assert {state for _v4, state in tally.states} == {*range(1, 12)} - {TIME_WAIT}
    for pools in (tally.outbound, tally.inbound):
        [row] = pools.rows.values()
        assert (row.ports, row.time_wait, row.ages) == (1, None, b"")
        assert (pools.others.time_wait, pools.others.ages) == (None, b"")
    [ports] = tally.by_address.values()
    assert (ports.held, ports.live) == (port_set([40000]), None)
    assert tally.held == port_set([40000, 40001])


def test_incomplete_time_wait() -> None:
    """If a system shows some of TIME_WAIT, their ports are held, but no number is given."""
    view = TimeWaitView(10_000, dict.fromkeys(WAITING, 9_000.0), complete=True)
    found = [*WAITING, outgoing(ESTABLISHED, 40003)]
    tally = without_time_wait(tally_portable_sockets(found, rules(), view))
    assert +Counter(tally.states) == {(True, ESTABLISHED): 1}
    assert tally.held == port_set([40000, 40001, 40002, 40003])
    assert (tally.outbound.rows[POOL].ports, tally.outbound.rows[POOL].time_wait) == (4, None)


def test_listeners_do_not_count() -> None:
    """Sockets without a peer are not part of the tally."""
    listener = PortableSocket(sixteen_bytes("10.0.0.2"), 40000, bytes(16), 0, 10)
    tally = tally_portable_sockets([listener], rules(), TimeWaitView(0, {}, complete=False))
    assert (+Counter(tally.states), tally.held, counts_of(tally)) == ({}, 0, ({}, {}))


def counts_of(tally: SocketTally) -> tuple[object, object]:
    return tally.outbound.rows, tally.inbound.rows
