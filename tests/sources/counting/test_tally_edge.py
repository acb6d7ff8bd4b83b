"""Which TIME_WAIT entries are new: from dump to dump each counts once, in both parsers."""

from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.tally import AGE_ERROR_MS, MAX_COOKIE_BLOCKS, Edge, SocketTally
from tcp_pressure_exporter.sources.netlink.socket import Datagram
from tests.sources.counting.counting import rules, tally_timed
from tests.support.messages.datagrams import ESTABLISHED, TIME_WAIT, Entry, done, entry_messages

PORTS = range(40000, 40512)


def waiting(number: int, age_ms: int) -> Entry:
    """Return the entry of one connection; its cookie is as large as any."""
    return Entry(
        *(TIME_WAIT, "10.0.0.2", PORTS[number % len(PORTS)], "10.0.0.9", 443),
        expires=60_000 - age_ms,
        cookie=(number + 1) << 32,
    )


def count(datagrams: Sequence[Datagram], started_ms: int, since: Edge | None) -> SocketTally:
    by = replace(rules(usable=PORTS), since=since)
    ending = Datagram(datagrams[-1].filled_ms, done())
    return tally_timed([*datagrams, ending], by, started_ms)


def filled(at_ms: int, found: Sequence[Entry]) -> Datagram:
    return Datagram(at_ms, b"".join(entry_messages(found)))


def cookies(edge: Edge) -> list[int]:
    numbers = iter(array("Q", edge.cookies))
    return [
        (64 * block + bit) >> 32
        for block, members in zip(numbers, numbers, strict=True)
        for bit in range(64)
        if members >> bit & 1
    ]


def known(*numbers: int) -> bytes:
    """Return these numbers, from 1 on, as the cookies of an edge."""
    return array("Q", [half for number in numbers for half in (number << 26, 1)]).tobytes()


def entered(counted: SocketTally) -> int:
    return sum(row.entered for row in counted.outbound.rows.values())


def test_first_dump() -> None:
    """Before the first dump nothing has entered; every TIME_WAIT entry is noted."""
    young, doubtful, old = (
        waiting(2, 0),
        waiting(1, 2 * AGE_ERROR_MS),
        waiting(3, 2 * AGE_ERROR_MS + 1),
    )
    alive = replace(waiting(4, 0), state=ESTABLISHED)
    counted = count([filled(5000, [young, old, alive, doubtful])], 5000, None)
    assert entered(counted) == 0
    assert counted.edge[:2] == (5000, 5000)
    assert cookies(counted.edge) == [3, 4, 2]  # numbers start at 1: `young`, `old` and `doubtful`


def test_known_by_age_or_by_name() -> None:
    """Entries clearly older than the previous dump are known by age, the rest by cookie.

    That dump was requested at 4000 ms and its last part filled at 4050 ms.
    """
    since = Edge(4000, 4050, known(1, 2, 9))
    ages = {
        0: 1101,  # born at 3899: too old for a doubt
        1: 1100,  # born at 3900: doubtful, and known
        2: 1100,  # doubtful, and not known
        8: 850,  # born at 4150: doubtful, and known
        7: 849,  # born at 4151: certainly after that dump, and not known
        3: 0,
    }
    found = [waiting(number, age) for number, age in ages.items()]
    assert entered(count([filled(5000, found)], 5000, since)) == 3


def test_minute_that_begins_anew() -> None:
    """An entry counts once, however often a stray segment starts its minute again."""
    edge = count([filled(0, [waiting(1, 30_000), waiting(2, 59_000)])], 0, None).edge
    for now in (5_000, 10_000, 60_000):
        again = [waiting(1, 0), waiting(2, 1_000), waiting(1000 + now, 500)]
        counted = count([filled(now, again)], now, edge)
        assert entered(counted) == 1
        edge = counted.edge


def test_minute_that_begins_anew_at_its_end() -> None:
    """So does one that had no time left when it was last seen."""
    edge = count([filled(0, [waiting(1, 60_000)])], 0, None).edge
    assert entered(count([filled(5_000, [waiting(1, 4_000)])], 5_000, edge)) == 0


def test_end_of_its_minute() -> None:
    """An entry without time left may be up to two seconds older than it seems: it is not new."""
    since = Edge(-60_050, -60_040, b"")
    assert entered(count([filled(0, [waiting(1, 60_000), waiting(2, 59_999)])], 0, since)) == 1


def test_neighbours() -> None:
    """Consecutive cookies share a block, and are told apart in it."""
    found = [replace(waiting(number, 0), cookie=1000 + number) for number in range(0, 100, 2)]
    edge = count([filled(0, found)], 0, None).edge
    assert len(edge.cookies) == 16 * 3  # 960-1023, 1024-1087, 1088-1151
    again = [replace(waiting(number, 0), cookie=1000 + number) for number in range(100)]
    assert entered(count([filled(5_000, again)], 5_000, edge)) == 50


def test_too_many_to_know() -> None:
    """The cost of an attack is bounded, with half the room for entries that ages do not decide."""
    old = [waiting(number, 5_000) for number in range(2, MAX_COOKIE_BLOCKS + 2)]
    counted = count([filled(0, old), filled(0, [waiting(0, 0), waiting(1, 0)])], 0, None)
    half = MAX_COOKIE_BLOCKS // 2
    assert cookies(counted.edge) == [*range(3, half + 3), 1, 2]
    young = [waiting(number, 0) for number in range(MAX_COOKIE_BLOCKS + 3)]
    counted = count([filled(0, young)], 0, None)
    assert len(cookies(counted.edge)) == MAX_COOKIE_BLOCKS


class Look(NamedTuple):
    """A dump: after a pause, taken in two parts, its times off by some ms of waiting for a CPU."""

    pause_ms: int
    between_ms: int
    errors_ms: tuple[int, int]


ERRORS = st.integers(0, AGE_ERROR_MS // 2)
LOOKS = st.lists(
    st.builds(Look, st.integers(1, 20_000), st.integers(0, 500), st.tuples(ERRORS, ERRORS)),
    min_size=2,
    max_size=6,
)


@given(LOOKS, st.lists(st.integers(0, 60_000), max_size=60), st.data())
def test_each_counts_once(looks: list[Look], births: list[int], data: st.DataObject) -> None:
    """Over any sequence of dumps each entry counts in the first that shows it, and never again.

    Entries may appear while a dump is under way, before or after it has passed their place.
    """
    edge, now, shown = None, 0, set[int]()
    places = [data.draw(st.integers(0, 1)) for _ in births]
    for number, look in enumerate(looks):
        asked = now + look.pause_ms
        moments = (asked, asked + look.between_ms)
        now = moments[1]
        parts, seen = [], set[int]()
        for part, (moment, error) in enumerate(zip(moments, look.errors_ms, strict=True)):
            here = [
                i for i, born in enumerate(births)
                if places[i] == part and 0 <= moment - born < 60_000
            ]  # fmt: skip
            # The clock was read up to `error` ms before the kernel filled the part.
            parts.append(filled(moment - error, [waiting(i, moment - births[i]) for i in here]))
            seen.update(here)
        counted = count(parts, asked - look.errors_ms[0], edge)
        assert entered(counted) == (len(seen - shown) if number else 0)
        edge, shown = counted.edge, shown | seen
