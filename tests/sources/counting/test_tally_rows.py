"""Which pools have rows in a tally, and what it says about the ages of their entries."""

from array import array
from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.tally import OtherPools, RowRules
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tests.sources.counting.counting import key, rules, tally
from tests.support.fakes.tallies import NO_AGES
from tests.support.messages.datagrams import ESTABLISHED, TIME_WAIT, Entry


def outgoing(state: int, local_port: int, remote: str = "10.0.0.9") -> Entry:
    return Entry(state, "10.0.0.2", local_port, remote, 443)


def test_rows() -> None:
    """The most used pools have rows; of equally used pools all have one, or none."""
    used = {"10.0.0.5": 4, "10.0.0.6": 2, "10.0.0.7": 2, "10.0.0.8": 1}
    found = [
        outgoing(ESTABLISHED, 40000 + i, remote) for remote, n in used.items() for i in range(n)
    ]
    for max_rows, rows in ((4, 4), (3, 3), (2, 1), (1, 1), (0, 0)):
        by = replace(rules(), outbound_rows=RowRules(max_rows=max_rows))
        outbound = tally(found, by).outbound
        assert [row.ports for row in outbound.rows.values()] == list(used.values())[:rows]
        rest = list(used.values())[rows:]
        assert outbound.others == OtherPools(
            pools=len(rest), most_used=max(rest, default=0), ports=sum(rest), ages=NO_AGES
        )


@pytest.mark.parametrize("max_rows", [4, 2])
def test_little_used_pools(max_rows: int) -> None:
    """Pools below a use have no row, whether there is room for it or not."""
    used = {"10.0.0.5": 4, "10.0.0.6": 3, "10.0.0.7": 2}
    found = [
        outgoing(ESTABLISHED, 40000 + i, remote) for remote, n in used.items() for i in range(n)
    ]
    for min_used, rows in ((2, 3), (3, 2), (4, 1), (5, 0)):
        by = replace(rules(), outbound_rows=RowRules(min_used, max_rows))
        outbound = tally(found, by).outbound
        assert [row.ports for row in outbound.rows.values()] == [4, 3, 2][: min(rows, max_rows)]
        assert outbound.others.pools == 3 - min(rows, max_rows)


@pytest.mark.parametrize("max_rows", [3, 1])
def test_pools_that_count_whole(max_rows: int) -> None:
    """A pool with that many ports has a row before fuller ones, although all look reclaimable."""
    old = [
        Entry(TIME_WAIT, "10.0.0.2", 40000 + i, remote, 443, expires=5_000)
        for remote, n in {"10.0.0.5": 4, "10.0.0.6": 3}.items()
        for i in range(n)
    ]
    found = [*old, outgoing(ESTABLISHED, 40008), outgoing(ESTABLISHED, 40009)]
    reuse = TimeWaitReuse(everywhere=True, on_loopback=True)
    names = [key("10.0.0.2", remote, 443) for remote in ("10.0.0.5", "10.0.0.6", "10.0.0.9")]
    for whole_from, shown in ((5, [2]), (4, [0, 2]), (3, [0, 1, 2])):
        rows = RowRules(min_used=1, max_rows=max_rows, whole_from=whole_from)
        counted = tally(found, replace(rules(reuse=reuse), outbound_rows=rows)).outbound
        assert set(counted.rows) == {names[i] for i in shown[:max_rows]}
        assert sum(row.ports for row in counted.rows.values()) + counted.others.ports == 9


def test_ages() -> None:
    """TIME_WAIT entries are counted by whole seconds since they entered, few or many."""
    expires = [60_000, 59_001, 59_000, 30_500, 30_500, 1, 0, 70_000, *[12_345] * 9]
    found = [
        Entry(TIME_WAIT, "10.0.0.2", 40000 + i, "10.0.0.9", 443, expires=left)
        for i, left in enumerate(expires)
    ]
    [row] = tally(found, rules(usable=range(40000, 40100))).outbound.rows.values()
    # An entry that claims to have more than its minute left has just entered.
    assert histogram(row.ages) == {0: 3, 1: 1, 29: 2, 59: 1, 60: 1, 47: 9}
    assert (row.time_wait, row.entered) == (17, 0)


def histogram(ages: bytes) -> dict[int, int]:
    return {age: n for age, n in enumerate(array("I", ages)) if n}


def waiting(port: int, age_ms: int) -> Entry:
    return Entry(TIME_WAIT, "10.0.0.2", port, "10.0.0.9", 443, expires=60_000 - age_ms)


def test_watched_pools() -> None:
    """A watched pool has a row however little it is used; one that does not exist has none."""
    found = [outgoing(ESTABLISHED, 40000 + i, "10.0.0.5") for i in range(3)]
    found += [outgoing(ESTABLISHED, 40000, "10.0.0.6"), outgoing(ESTABLISHED, 40001, "10.0.0.7")]
    found += [Entry(ESTABLISHED, "10.0.0.2", 80, f"10.0.1.{i}", 5000) for i in range(3)]
    [watched, absent] = [key("10.0.0.2", remote, 443) for remote in ("10.0.0.6", "10.0.0.8")]
    inbound = key("10.0.0.2", "10.0.1.1", 80)
    by = replace(
        rules(served=[80]),
        outbound_rows=RowRules(max_rows=1, watched=[absent, watched]),
        inbound_rows=RowRules(max_rows=1, watched=[inbound]),
    )
    counted = tally(found, by)
    assert set(counted.outbound.rows) == {key("10.0.0.2", "10.0.0.5", 443), watched}
    assert set(counted.inbound.rows) == {inbound}
    assert (counted.outbound.others.ports, counted.inbound.others.ports) == (1, 2)


def test_ages_of_the_others() -> None:
    """The pools without a row share one histogram of ages."""
    few = [Entry(TIME_WAIT, "10.0.0.2", 40000, f"10.0.0.{i}", 443, expires=5_000) for i in (5, 6)]
    many = [waiting(40000 + i, 12_345) for i in range(9)]
    others = tally(
        [*few, *many], replace(rules(), outbound_rows=RowRules(max_rows=0))
    ).outbound.others
    assert histogram(others.ages) == {55: 2, 12: 9}
