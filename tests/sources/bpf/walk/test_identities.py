"""Which TIME_WAIT entries are new to a walk: each counts once, in both decoders."""

from array import array
from dataclasses import replace
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.tally import (
    AGE_ERROR_MS,
    BPF,
    MAX_IDENTITIES,
    NETLINK,
    Edge,
    SocketTally,
)
from tcp_pressure_exporter.sources.bpf.walk.found import Found
from tests.sources.bpf.walk.walked import connection, found, tally_walk
from tests.sources.counting.counting import rules
from tests.support.messages.datagrams import ESTABLISHED, TIME_WAIT, Entry

PORTS = range(40000, 40512)


def waiting(number: int, age_ms: int) -> Entry:
    """Return the entry of one connection."""
    return Entry(
        *(TIME_WAIT, "10.0.0.2", PORTS[number % len(PORTS)], "10.0.0.9", 443),
        expires=60_000 - age_ms,
        cookie=number * 0x9E3779B1,
    )


class Look(NamedTuple):
    """A walk of two blocks after a pause, its times off by some ms of waiting for a CPU."""

    pause_ms: int
    between_ms: int
    errors_ms: tuple[int, int]


ERRORS = st.integers(0, AGE_ERROR_MS // 2)
LOOKS = st.lists(
    st.builds(Look, st.integers(1, 20_000), st.integers(0, 500), st.tuples(ERRORS, ERRORS)),
    min_size=2,
    max_size=6,
)


def count(blocks: dict[int, list[Entry]], now_ms: int, since: Edge | None) -> SocketTally:
    """Count blocks that were all walked at the same moment."""
    walk = [found(entries, block, now_ms) for block, entries in blocks.items()]
    return tally_walk(walk, replace(rules(usable=PORTS), since=since), now_ms)


def entered(counted: SocketTally) -> int:
    return sum(row.entered for row in counted.outbound.rows.values())


def test_packed() -> None:
    """An edge holds, block by block, the number of entries and their identities."""
    blocks = {0: [waiting(1, 0)], 1: [], 7: [waiting(2, 0), replace(waiting(3, 0), cookie=0)]}
    blocks[1] = [replace(waiting(9, 0), state=ESTABLISHED)]
    edge = count(blocks, 5000, None).edge
    first, second = (number * 0x9E3779B1 & 0xFFFFFFFF for number in (1, 2))
    assert list(array("I", edge.cookies)) == [0, 1, first, 1, 0, 7, 2, second, 0]
    assert (edge.started_ms, edge.ended_ms, edge.by) == (5000, 5000, BPF)


def test_known_in_its_block() -> None:
    """An identity is unique only within its block; another block can hold the same one."""
    edge = count({0: [waiting(1, 0)], 3: [replace(waiting(2, 0), cookie=0)]}, 0, None).edge
    again = {0: [waiting(1, 0), waiting(4, 0)], 3: [replace(waiting(2, 0), cookie=0)]}
    assert entered(count(again, 5_000, edge)) == 1
    assert entered(count({1: again[0], 2: again[3]}, 5_000, edge)) == 3


def test_minute_that_begins_anew() -> None:
    """An entry counts once, however often a stray segment restarts its minute."""
    edge = count({0: [waiting(1, 30_000), waiting(2, 60_000)]}, 0, None).edge
    for now in (5_000, 10_000, 60_000):
        again = [waiting(1, 0), waiting(2, 1_000), waiting(1000 + now, 500)]
        counted = count({0: again}, now, edge)
        assert entered(counted) == 1
        edge = counted.edge


def test_end_of_its_minute() -> None:
    """An entry with no time left can be up to two seconds older than it seems: it is not new."""
    since = Edge(-60_050, -60_040, b"", BPF)
    assert entered(count({0: [waiting(1, 60_000), waiting(2, 59_999)]}, 0, since)) == 1


def test_another_source() -> None:
    """After netlink's dump, ages decide what is new: what began when the dump ended, or later."""
    since = Edge(1_000, 1_100, array("Q", (0, 2**64 - 1)).tobytes(), NETLINK)
    found_now = [waiting(1, 3_901), waiting(2, 3_900), waiting(3, 0)]
    assert entered(count({0: found_now}, 5_000, since)) == 2


@given(LOOKS, st.lists(st.integers(0, 60_000), max_size=60), st.data())
def test_each_counts_once(looks: list[Look], births: list[int], data: st.DataObject) -> None:
    """Over any sequence of walks, each entry counts in the first that shows it, and never again.

    Entries can appear during a walk, before or after it has passed their block.
    """
    edge, now, shown = None, 0, set[int]()
    places = [data.draw(st.integers(0, 1)) for _ in births]
    for number, look in enumerate(looks):
        asked = now + look.pause_ms
        moments = (asked, asked + look.between_ms)
        now = moments[1]
        walk, seen = [], set[int]()
        for block, (moment, error) in enumerate(zip(moments, look.errors_ms, strict=True)):
            here = [
                i for i, born in enumerate(births)
                if places[i] == block and 0 <= moment - born < 60_000
            ]  # fmt: skip
            entries = [waiting(i, moment - births[i]) for i in here]
            walk.append(found(entries, block, moment - error))
            seen.update(here)
        by = replace(rules(usable=PORTS), since=edge)
        counted = tally_walk(walk, by, asked - look.errors_ms[0])
        assert entered(counted) == (len(seen - shown) if number else 0)
        edge, shown = counted.edge, shown | seen


def test_too_many_to_know() -> None:
    """An attack cannot exceed the limit on what is kept; half is for entries too young to judge."""
    old, young = connection(waiting(0, 5_000)), connection(waiting(1, 0))
    half = MAX_IDENTITIES // 2
    walk = [Found(0, 0, old * half), Found(1, 0, old * 3 + young * 2)]
    edge = tally_walk(walk, rules(usable=PORTS)).edge
    numbers = array("I", edge.cookies)
    assert (numbers[1], list(numbers[half + 2 :])) == (half, [1, 2, *[0x9E3779B1] * 2])


def test_damaged_edge() -> None:
    """Truncated identities count as none: nothing is read beyond their end."""
    whole = count({0: [waiting(1, 0)], 1: [waiting(2, 0)]}, 0, None).edge
    again = {0: [waiting(1, 0)], 1: [waiting(2, 0)]}
    cut = whole._replace(cookies=whole.cookies[:-4])
    assert entered(count(again, 5_000, cut)) == 1
