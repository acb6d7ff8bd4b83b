"""TIME_WAIT may last from 1 to 600 s, and entries of two lengths may coexist."""

from array import array
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.sockets import TCP_TIME_WAIT
from tcp_pressure_exporter.facts.tally import Edge, SocketTally
from tcp_pressure_exporter.facts.time_wait import TimeWaitLengths, TimeWaitReuse, same_length
from tcp_pressure_exporter.sources.netlink.socket import Datagram
from tests.sources.counting.counting import EVERYWHERE, NEVER, key, rules, tally, tally_timed
from tests.support.messages.datagrams import Entry, dump_of

POOL = key("10.0.0.2", "10.0.0.9", 443)


def waiting(*left_ms: int) -> list[Entry]:
    return [
        Entry(TCP_TIME_WAIT, "10.0.0.2", 40000 + place, "10.0.0.9", 443, expires=left, cookie=place)
        for place, left in enumerate(left_ms)
    ]


def count(left_ms: list[int], lengths: TimeWaitLengths) -> SocketTally:
    by = rules(usable=range(40000, 41000), reuse=replace(NEVER, lengths=lengths))
    return tally(waiting(*left_ms), by)


@pytest.mark.parametrize("seconds", [1, 15, 60, 255, 256, 300, 600])
@pytest.mark.parametrize("entries", [2, 9])
def test_histogram(seconds: int, entries: int) -> None:
    """The histogram is a second longer than TIME_WAIT: new entries come first, those over last."""
    found = count([0] * (entries - 1) + [1000 * seconds], same_length(1000 * seconds))
    ages = list(array("I", found.outbound.rows[POOL].ages))
    assert ages == [1, *[0] * (seconds - 1), entries - 1]
    assert found.longest_left_ms == 1000 * seconds


def test_two_lengths() -> None:
    """After a change from 60 s to 15 s one with 40 s left is 20 s old, one with 14 s a second."""
    found = count([40_000, 14_000], TimeWaitLengths(15_000, 60_000))
    ages = list(array("I", found.outbound.rows[POOL].ages))
    assert {age: entries for age, entries in enumerate(ages) if entries} == {1: 1, 20: 1}


LENGTHS = st.integers(1, 600).map(lambda seconds: 1000 * seconds)
BOTH_LENGTHS = st.tuples(LENGTHS, LENGTHS).map(lambda both: TimeWaitLengths(*sorted(both)))
LEFT = st.lists(st.integers(0, 600_000) | st.integers(0, 2**32 - 1), max_size=40)


@given(
    lengths=BOTH_LENGTHS,
    left_ms=LEFT,
    now_ms=st.integers(0, 5_000),
    whole_seconds=st.booleans(),
)
def test_any_lengths(
    lengths: TimeWaitLengths,
    left_ms: list[int],
    now_ms: int,
    *,
    whole_seconds: bool,
) -> None:
    """Both parsers agree for any time left; each entry is in one second of the histogram."""
    reuse = replace(EVERYWHERE, lengths=lengths, whole_seconds=whole_seconds)
    by = replace(rules(usable=range(40000, 41000), reuse=reuse), since=Edge(0, 0, b""))
    timed = [Datagram(now_ms, content) for content in dump_of(waiting(*left_ms))]
    found = tally_timed(timed, by, now_ms)
    ages = [array("I", row.ages) for row in found.outbound.rows.values()]
    assert all(len(one) == lengths.longer_ms // 1000 + 1 for one in ages)
    assert sum(map(sum, ages)) == len(left_ms)
    assert found.longest_left_ms == max(left_ms, default=0)


@pytest.mark.parametrize(
    ("setting", "old"), [(15_000, 60_000), (60_000, 15_000), (300_000, 60_000)]
)
def test_closes_count_once_over_a_change(setting: int, old: int) -> None:
    """Entries of both lengths, closed before and after a change, count as new once."""
    lengths = TimeWaitLengths(*sorted((setting, old)))
    by = rules(usable=range(40000, 41000), reuse=replace(NEVER, lengths=same_length(old)))
    before = waiting(old - 9_000, old - 1_000)
    first = tally_timed([Datagram(20_000, part) for part in dump_of(before)], by, 20_000)
    # Five seconds later: one more of the old length, closed a second after, and two of the new.
    left = (old - 14_000, old - 6_000, old - 4_000, setting - 2_000, setting - 500)
    later = replace(by, reuse=replace(NEVER, lengths=lengths), since=first.edge)
    entries = [replace(entry, expires=max(entry.expires, 0)) for entry in waiting(*left)]
    second = tally_timed([Datagram(25_000, part) for part in dump_of(entries)], later, 25_000)
    assert second.outbound.rows[POOL].entered == 3
    third = replace(later, since=second.edge)
    again = tally_timed([Datagram(25_100, part) for part in dump_of(entries)], third, 25_100)
    assert again.outbound.rows[POOL].entered == 0


@pytest.mark.parametrize(
    ("now_ms", "age_ms", "reclaimable"),
    [
        (5_999, 999, 0),
        (6_000, 4, 1),
        (6_000, 0, 0),
        (6_500, 500, 0),
        (6_500, 504, 1),
        (6_999, 996, 0),
    ],
)
def test_next_second(now_ms: int, age_ms: int, reclaimable: int) -> None:
    """Without tcp_tw_reuse_delay it gives way when ktime_get_seconds() is past its own second.

    At 6.5 s one of 504 ms began at 5.996 s, in second 5; one of 500 ms in second 6.
    """
    reuse = TimeWaitReuse(everywhere=True, on_loopback=True, whole_seconds=True)
    timed = [Datagram(now_ms, part) for part in dump_of(waiting(60_000 - age_ms))]
    found = tally_timed(timed, rules(reuse=reuse), now_ms)
    assert found.outbound.rows[POOL].reclaimable == reclaimable
