from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import port_set, ports_of
from tcp_pressure_exporter.facts.tally import (
    MAX_KEPT,
    MAX_LOCAL_ADDRESSES,
    MAX_POOLS,
    AddressPorts,
    LocalAddress,
    OtherPools,
)
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tests.sources.counting.counting import (
    EVERYWHERE,
    NEVER,
    ON_LOOPBACK,
    key,
    rules,
    tally,
    tally_datagrams,
)
from tests.support.fakes.tallies import EMPTY, NO_AGES, counts
from tests.support.messages.datagrams import (
    CLOSE,
    CLOSE_WAIT,
    ESTABLISHED,
    FIN_WAIT2,
    GETSOCK,
    SYN_RECV,
    TIME_WAIT,
    Entry,
    diag_message,
    done,
    message,
)
from tests.support.messages.socket_entries import sixteen_bytes

STATES = range(1, 12)  # include/net/tcp_states.h: TCP_ESTABLISHED to TCP_CLOSING


def outgoing(state: int, local_port: int, remote: str = "10.0.0.9") -> Entry:
    return Entry(state, "10.0.0.2", local_port, remote, 443)


def test_outbound_pool() -> None:
    """Sockets at ports a connect() may choose count by local address, remote address and port."""
    found = [
        outgoing(ESTABLISHED, 40000),
        outgoing(TIME_WAIT, 40001),
        outgoing(ESTABLISHED, 40000, "10.0.0.8"),
        outgoing(ESTABLISHED, 50000),
    ]
    assert counts(tally(found, rules()).outbound) == {
        key("10.0.0.2", "10.0.0.9", 443): (2, 1, 0),
        key("10.0.0.2", "10.0.0.8", 443): (1, 0, 0),
    }


def test_blocked_port() -> None:
    """A socket at a port that bind() took is in no pool: the port counts once for all pools."""
    counted = tally([outgoing(ESTABLISHED, 40000)], rules(bound=[40000]))
    assert (counts(counted.outbound), counts(counted.inbound)) == ({}, {})
    assert list(ports_of(counted.held)) == [40000]


def test_inbound_ports_outside_of_the_default() -> None:
    """Remote ports below 32768 and from 61000 on are counted as outside Linux's choice."""
    ports = (32767, 32768, 60999, 61000, 1024, 50000)
    found = [Entry(ESTABLISHED, "10.0.0.2", 443, "10.0.0.9", port) for port in ports]
    found += [outgoing(ESTABLISHED, 40000)]
    counted = tally(found, rules(served=[443]))
    (inbound,) = counted.inbound.rows.values()
    (outbound,) = counted.outbound.rows.values()
    assert (inbound.ports, inbound.outside, outbound.outside) == (6, 3, 0)


def test_inbound_pool() -> None:
    """Sockets at a served port count by remote address and local address and port."""
    found = [
        Entry(ESTABLISHED, "10.0.0.2", 443, "10.0.0.9", 50000),
        Entry(TIME_WAIT, "10.0.0.2", 443, "10.0.0.9", 50001),
        Entry(SYN_RECV, "::ffff:10.0.0.2", 443, "::ffff:10.0.0.9", 50002),
        Entry(ESTABLISHED, "10.0.0.2", 443, "10.0.0.8", 50000),
    ]
    counted = tally(found, rules(served=[443], reuse=EVERYWHERE))
    assert counts(counted.outbound) == {}
    assert counts(counted.inbound) == {
        key("10.0.0.2", "10.0.0.9", 443): (3, 1, 0),
        key("10.0.0.2", "10.0.0.8", 443): (1, 0, 0),
    }


def test_served_port_inside_the_range() -> None:
    """A service in the local port range is an inbound pool, not an outbound one."""
    counted = tally([outgoing(ESTABLISHED, 40000)], rules(served=[40000]))
    assert (len(counted.outbound.rows), len(counted.inbound.rows)) == (0, 1)


def test_v4_mapped_shares_the_pool() -> None:
    """An IPv4 and a v4-mapped socket share one pool, one local address and one family."""
    found = [
        Entry(ESTABLISHED, "10.0.0.2", 40000, "10.0.0.9", 443),
        Entry(ESTABLISHED, "::ffff:10.0.0.2", 40001, "::ffff:10.0.0.9", 443),
    ]
    counted = tally(found, rules())
    assert counts(counted.outbound) == {key("10.0.0.2", "10.0.0.9", 443): (2, 0, 0)}
    assert +Counter(counted.states) == {(True, ESTABLISHED): 2}
    assert list(counted.by_address) == [LocalAddress(sixteen_bytes("10.0.0.2"))]


@pytest.mark.parametrize(
    ("usable", "first", "last"),
    [
        (range(1, 65_536), 1, 65_535),
        (range(32_768, 61_000), 32_768, 60_999),
        (range(40_005, 40_007), 40_005, 40_006),
        ([7, 65_528], 7, 65_528),
    ],
)
def test_ends_of_the_range(usable: Iterable[int], first: int, last: int) -> None:
    """The lowest and the highest usable port count at their address, live or in TIME_WAIT."""
    found = [outgoing(ESTABLISHED, first), outgoing(TIME_WAIT, last)]
    [ports] = tally(found, rules(usable)).by_address.values()
    assert ports == AddressPorts(held=port_set([first, last]), live=port_set([first]))


def test_every_state() -> None:
    """Each of the kernel's states is there for both families, with zeros on an idle host."""
    assert tally([], rules()).states == {(v4, state): 0 for v4 in (True, False) for state in STATES}


@pytest.mark.parametrize(
    ("reuse", "local", "remote", "interface", "reclaimable"),
    [
        (NEVER, "10.0.0.2", "10.0.0.9", 0, False),
        (NEVER, "127.0.0.1", "127.0.0.1", 1, False),
        (EVERYWHERE, "10.0.0.2", "10.0.0.9", 0, True),
        (EVERYWHERE, "2001:db8::2", "2001:db8::9", 0, True),
        (ON_LOOPBACK, "10.0.0.2", "10.0.0.9", 0, False),
        (ON_LOOPBACK, "127.0.0.1", "127.0.0.1", 0, True),
        (ON_LOOPBACK, "127.8.0.1", "10.0.0.9", 0, True),
        (ON_LOOPBACK, "10.0.0.2", "127.0.0.1", 0, True),
        (ON_LOOPBACK, "::ffff:127.0.0.1", "::ffff:127.0.0.1", 0, True),
        (ON_LOOPBACK, "::1", "::1", 0, True),
        (ON_LOOPBACK, "2001:db8::2", "2001:db8::9", 0, False),
        (ON_LOOPBACK, "10.0.0.2", "10.0.0.9", 1, True),  # bound to lo
        (ON_LOOPBACK, "10.0.0.2", "10.0.0.9", 2, False),
    ],
)
def test_reclaimable_where(
    reuse: TimeWaitReuse, local: str, remote: str, interface: int, *, reclaimable: bool
) -> None:
    """tcp_tw_reuse=1 reuses everywhere, 2 where an address or the interface is loopback."""
    entry = Entry(TIME_WAIT, local, 40000, remote, 443, expires=0, interface=interface)
    assert counts(tally([entry], rules(reuse=reuse)).outbound) == {
        key(local, remote, 443, interface): (1, 1, reclaimable)
    }


@pytest.mark.parametrize(
    ("delay_ms", "expires", "reclaimable"),
    [
        (1000, 60_000, False),
        (1000, 59_000, False),  # not until the delay is over
        (1000, 58_999, True),
        (1000, 0, True),
        (0, 60_000, False),
        (0, 59_999, True),
        (60_000, 0, False),
    ],
)
def test_reclaimable_when(delay_ms: int, expires: int, *, reclaimable: bool) -> None:
    """An entry can be taken over once it is older than tcp_tw_reuse_delay."""
    reuse = TimeWaitReuse(everywhere=True, on_loopback=True, delay_ms=delay_ms)
    entry = Entry(TIME_WAIT, "10.0.0.2", 40000, "10.0.0.9", 443, expires=expires)
    [count] = counts(tally([entry], rules(reuse=reuse)).outbound).values()
    assert count == (1, 1, reclaimable)


def test_fin_wait2_is_never_reclaimable() -> None:
    """An orphan in FIN_WAIT2 has the timer of TIME_WAIT, but is neither that nor reclaimable."""
    [count] = counts(tally([outgoing(FIN_WAIT2, 40000)], rules(reuse=EVERYWHERE)).outbound).values()
    assert count == (1, 0, 0)


def test_local_address() -> None:
    """Each local address knows its held usable ports, and those that a live socket holds."""
    found = [
        outgoing(ESTABLISHED, 40000),
        outgoing(TIME_WAIT, 40000, "10.0.0.8"),
        outgoing(TIME_WAIT, 40001),
        Entry(ESTABLISHED, "::1", 50000, "::1", 443),
    ]
    counted = tally(found, rules())
    ports = counted.by_address[LocalAddress(sixteen_bytes("10.0.0.2"))]
    assert ports == (port_set([40000, 40001]), port_set([40000]))
    assert list(ports_of(counted.held)) == [40000, 40001, 50000]


def test_empty_dump() -> None:
    """A host without a connection has no pools and nothing held."""
    assert tally([], rules()) == EMPTY


@pytest.mark.parametrize("state", [ESTABLISHED, CLOSE])
def test_closed_meanwhile(state: int) -> None:
    """A socket that was closed while the dump ran has no port left, and counts nowhere.

    Seen on Linux 6.18 under churn: 341 times in 142,415 dumps.
    """
    by = replace(rules(served=[443]), kept_states=1 << state)
    assert tally([outgoing(state, 0)], by) == EMPTY


@pytest.mark.parametrize("size", [0, 71])
def test_cut_entry(size: int) -> None:
    """An entry shorter than struct inet_diag_msg is a SourceError."""
    datagrams = [message(GETSOCK, diag_message(outgoing(1, 40000))[:size]), done()]
    with pytest.raises(SourceError, match=f"^inet_diag message: {size} bytes, not 72$"):
        tally_datagrams(datagrams, rules())


@pytest.mark.parametrize("state", [0, 12, 255])
def test_unknown_state(state: int) -> None:
    """A state without a name is a SourceError: its sockets could count nowhere."""
    with pytest.raises(SourceError, match=f"state {state} is unknown"):
        tally([outgoing(state, 40000)], rules())


def test_too_many_pools() -> None:
    """Sockets of pools beyond the limit are counted as overflow, per direction."""
    found = [outgoing(ESTABLISHED, 40000, f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}")
             for i in range(MAX_POOLS + 3)]  # fmt: skip
    found += [outgoing(ESTABLISHED, 40001, "10.0.0.0"), outgoing(ESTABLISHED, 443)]
    counted = tally(found, rules(served=[443]))
    assert counted.outbound.overflow == 3
    assert (counted.inbound.overflow, len(counted.inbound.rows)) == (0, 1)
    assert list(counted.outbound.rows) == [key("10.0.0.2", "10.0.0.0", 443)]
    others = MAX_POOLS - 1
    expected = OtherPools(pools=others, most_used=1, ports=others, ages=NO_AGES)
    assert counted.outbound.others == expected
    assert +Counter(counted.states) == {(True, ESTABLISHED): MAX_POOLS + 5}


def test_too_many_local_addresses() -> None:
    """Sockets at local addresses beyond the limit count, but under no address."""
    found = [
        Entry(ESTABLISHED, f"10.0.{i >> 8}.{i & 255}", 40000, "10.0.0.9", 443)
        for i in range(MAX_LOCAL_ADDRESSES + 2)
    ]
    found.append(Entry(ESTABLISHED, "10.9.9.9", 40001, "10.0.0.9", 443))
    counted = tally(found, rules())
    assert len(counted.by_address) == MAX_LOCAL_ADDRESSES
    assert counted.address_overflow == 3
    assert list(ports_of(counted.held)) == [40000, 40001]
    assert counted.outbound.others.pools == MAX_LOCAL_ADDRESSES + 3


def test_kept_entries() -> None:
    """Entries in the requested states are returned whole, up to a limit; the rest are counted."""
    found = [outgoing(CLOSE_WAIT, 40000), outgoing(ESTABLISHED, 40001), outgoing(CLOSE_WAIT, 40002)]
    by = replace(rules(), kept_states=1 << CLOSE_WAIT)
    assert tally(found, by).kept == (diag_message(found[0]), diag_message(found[2]))
    many = tally([outgoing(CLOSE_WAIT, 40000)] * (MAX_KEPT + 5), by)
    assert (len(many.kept), many.kept_overflow) == (MAX_KEPT, 5)
