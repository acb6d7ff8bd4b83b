"""Entries from any decoder are added up by the rules; each counts once, in any order."""

from array import array
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.tally import Edge, SocketTally, TallyRules
from tcp_pressure_exporter.sources.counting.counter import Entry, SocketCounter
from tcp_pressure_exporter.sources.counting.pools import LIVE
from tests.sources.counting.counting import EVERYWHERE, NEVER, ON_LOOPBACK, key, rules
from tests.support.messages.datagrams import CLOSE_WAIT, ESTABLISHED, TIME_WAIT
from tests.support.messages.socket_entries import sixteen_bytes

HTTPS = (443).to_bytes(2)
POOL = key("10.0.0.2", "10.0.0.9", 443)


def entry(state: int, port: int = 40000) -> Entry:
    ends = sixteen_bytes("10.0.0.2"), port.to_bytes(2), sixteen_bytes("10.0.0.9"), HTTPS
    return Entry(*ends, state)


def waiting(*ages_ms: int) -> list[Entry]:
    return [
        entry(TIME_WAIT, port)._replace(age_ms=age_ms) for port, age_ms in enumerate(ages_ms, 40000)
    ]


def count(found: Sequence[Entry], by: TallyRules, age_seconds: int | None = None) -> SocketTally:
    counter = SocketCounter(by, age_seconds)
    for one in found:
        counter.add(one)
    return counter.result(Edge(0, 0, b""))


ADDRESSES = st.sampled_from([sixteen_bytes(text) for text in ("10.0.0.2", "127.0.0.1", "::1")])
PORTS = st.integers(39_995, 40_015)
LOCAL_PORTS = PORTS.map(lambda port: port.to_bytes(2))
ENDS = st.tuples(ADDRESSES, LOCAL_PORTS, ADDRESSES)
LIVING = ENDS.map(lambda ends: Entry(*ends, HTTPS, ESTABLISHED))
CAUSES = st.sampled_from(["", "eof_unread", "not_closed", "peer_gone", "window_closed"])
CLOSING = st.builds(
    lambda living, cause: living._replace(state=CLOSE_WAIT, cause=cause), LIVING, CAUSES
)
WAITING = st.builds(
    lambda living, **fields: living._replace(state=TIME_WAIT, **fields),
    LIVING,
    interface=st.integers(0, 2),
    age_ms=st.integers(0, 60_000),
    entered=st.booleans(),
)
ENTRIES = st.lists(LIVING | CLOSING | WAITING)
RULES = st.builds(
    rules,
    bound=st.frozensets(PORTS),
    served=st.frozensets(PORTS),
    reuse=st.sampled_from([NEVER, EVERYWHERE, ON_LOOPBACK]),
)


@settings(deadline=None)
@given(ENTRIES, RULES, st.data())
def test_any_order(found: list[Entry], by: TallyRules, data: st.DataObject) -> None:
    """The order of the entries does not matter."""
    assert count(data.draw(st.permutations(found)), by) == count(found, by)


@settings(deadline=None)
@given(ENTRIES, RULES)
def test_each_counts_once(found: list[Entry], by: TallyRules) -> None:
    """An entry counts in one state and at most one pool; the figures of TIME_WAIT add up."""
    counted = count(found, by)
    assert +Counter(counted.states) == Counter(
        (one.local != sixteen_bytes("::1"), one.state) for one in found
    )
    assert sum(counted.close_wait) == sum(one.cause != "" for one in found)
    rows = [*counted.outbound.rows.values(), *counted.inbound.rows.values()]
    assert sum(row.ports for row in rows) <= len(found)
    for row in rows:
        time_wait = sum(array("I", row.ages))
        assert row.time_wait == time_wait
        assert row.ports >= time_wait >= max(row.reclaimable, row.entered)


def test_causes() -> None:
    """A socket in CLOSE_WAIT counts under its cause, or under none if that is not known."""
    causes = ["eof_unread", "", "peer_gone", "eof_unread"]
    found = [entry(CLOSE_WAIT)._replace(cause=cause) for cause in causes]
    assert count(found, rules()).close_wait._asdict() == {
        "eof_unread": 2, "not_closed": 0, "peer_gone": 1, "window_closed": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("interface", "reclaimable"), [(1, 1), (2, 0), (0, 0)])
def test_loopback_device(interface: int, reclaimable: int) -> None:
    """Reuse on loopback takes over entries bound to that device, whatever their addresses."""
    [old] = waiting(5000)
    found = [old._replace(interface=interface)]
    counted = count(found, rules(reuse=ON_LOOPBACK))
    assert counted.outbound.rows[POOL._replace(scope=interface)].reclaimable == reclaimable


def test_older_than_the_histogram() -> None:
    """A histogram's last second includes everything older; one of no seconds is empty."""
    found = waiting(0, 2999, 3000, 99_000)
    of = {seconds: count(found, rules(), seconds).outbound.rows[POOL] for seconds in (3, 0)}
    assert list(array("I", of[3].ages)) == [1, 0, 3]
    assert of[0].ages == b""
    assert of[0].time_wait == of[3].time_wait == 4


def test_live() -> None:
    """An entry without an age is not in TIME_WAIT: its port is live at its address."""
    assert entry(ESTABLISHED).age_ms == LIVE
    [ports] = count([entry(ESTABLISHED), *waiting(1, 2)], rules()).by_address.values()
    assert (ports.held, ports.live) == (0b11 << 40000, 0b01 << 40000)
