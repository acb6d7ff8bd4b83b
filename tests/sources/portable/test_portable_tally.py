"""The sockets that psutil lists are counted as the readable parser counts a netlink dump."""

from array import array
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.ports import port_set
from tcp_pressure_exporter.facts.tally import Edge, PoolTally, SocketTally, TallyRules
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.sources.counting.readable import tally_datagrams
from tcp_pressure_exporter.sources.netlink.socket import Datagram
from tcp_pressure_exporter.sources.portable.sockets import (
    UNKNOWN_BEGINNING,
    PortableSocket,
    parse_portable_sockets,
)
from tcp_pressure_exporter.sources.portable.tally import TimeWaitView, tally_portable_sockets
from tests.sources.counting.counting import EVERYWHERE, NEVER, ON_LOOPBACK, key, rules
from tests.support.fakes.portable_rows import row_of
from tests.support.messages.datagrams import ESTABLISHED, SEQUENCE, TIME_WAIT, Entry, dump_of
from tests.support.messages.socket_entries import entries, port_sets, sixteen_bytes

NOW_MS = 1_000_000
AGE_SECONDS = 61


def view_of(found: Sequence[Entry]) -> TimeWaitView:
    """Return what is known of entries whose ages the kernel tells."""
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
    datagrams = [Datagram(0, content) for content in dump_of(found)]
    return tally_datagrams(datagrams, SEQUENCE, by, 0)


def pool_counts(tally: PoolTally) -> dict[object, tuple[int, int, int, list[int]]]:
    """Return what both ways count of each pool; the ages up to AGE_SECONDS."""
    return {
        key: (row.ports, row.time_wait, row.reclaimable, list(array("I", row.ages))[:AGE_SECONDS])
        for key, row in tally.rows.items()
    }


@given(entries(), port_sets(), port_sets(), st.sampled_from([NEVER, EVERYWHERE, ON_LOOPBACK]))
def test_as_netlink(
    found: list[Entry], bound: frozenset[int], served: frozenset[int], reuse: TimeWaitReuse
) -> None:
    """States, ports and pools are those of the readable parser, for the same sockets and rules.

    But for the loopback interface, which psutil does not tell.
    """
    found = [replace(entry, interface=0) for entry in found]
    by = replace(rules(bound=bound, served=served), reuse=reuse)
    expected = by_netlink(found, by)
    counted = portable(found, by, view_of(found))
    assert counted.states == expected.states
    assert counted.held == expected.held
    assert counted.by_address == expected.by_address
    for direction in ("outbound", "inbound"):
        ours, theirs = getattr(counted, direction), getattr(expected, direction)
        assert pool_counts(ours) == pool_counts(theirs)
        assert ours.others.pools == theirs.others.pools == 0


def outgoing(state: int, port: int) -> PortableSocket:
    return PortableSocket(sixteen_bytes("10.0.0.2"), port, sixteen_bytes("10.0.0.9"), 443, state)


POOL = key("10.0.0.2", "10.0.0.9", 443)
WAITING = [outgoing(TIME_WAIT, port) for port in (40000, 40001, 40002)]


def test_entered() -> None:
    """Those entered that began after the tally before was read; an unknown moment is before it."""
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
    """The histogram has each second that TIME_WAIT lasts; what is older is in the last one."""
    ages = [0.2, 119.9, 500.0]
    dates = {entry: 1e6 - 1000 * age for entry, age in zip(WAITING, ages, strict=True)}
    by = replace(rules(), reuse=replace(NEVER, hold=120.0, told=False))
    tally = tally_portable_sockets(WAITING, by, TimeWaitView(10**6, dates, complete=True))
    assert list(array("I", tally.outbound.rows[POOL].ages)) == [1, *[0] * 118, 2]


def test_hidden_time_wait() -> None:
    """Where the system shows no TIME_WAIT the tally says so, and has no ages."""
    view = TimeWaitView(10_000, {}, complete=True, shown=False)
    tally = tally_portable_sockets([outgoing(ESTABLISHED, 40000)], rules(), view)
    assert not tally.shows_time_wait
    assert not tally.outbound.shows_time_wait
    assert tally.outbound.rows[POOL].ages == b""
    assert tally.held == port_set([40000])


def test_listeners_do_not_count() -> None:
    """Sockets without a peer are no part of the tally."""
    listener = PortableSocket(sixteen_bytes("10.0.0.2"), 40000, bytes(16), 0, 10)
    tally = tally_portable_sockets([listener], rules(), TimeWaitView(0, {}, complete=False))
    assert (tally.states, tally.held, counts_of(tally)) == ({}, 0, ({}, {}))


def counts_of(tally: SocketTally) -> tuple[object, object]:
    return tally.outbound.rows, tally.inbound.rows
