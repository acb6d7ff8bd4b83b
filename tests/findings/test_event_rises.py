from collections.abc import Mapping
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.findings.evidence import EventRises

NOTHING: frozenset[str] = frozenset()
TEN_MINUTES = 600.0


def rises(*samples: tuple[float, Mapping[str, int]]) -> frozenset[str]:
    """Return what counts as rising after samples of the counters at certain seconds."""
    known = EventRises()
    for at, counters in samples:
        known = known.after(counters, at)
    return known.recent


def test_nothing_yet() -> None:
    """Before the first sample no event rises."""
    assert EventRises().recent == NOTHING


def test_first_sample() -> None:
    """What was counted before the first sample is history."""
    assert rises((0, {"PAWSTimewait": 7})) == NOTHING


def test_rise() -> None:
    """Only the counters that grew between two samples rise."""
    before = {"PAWSTimewait": 7, "ListenDrops": 3, "TW": 100}
    after = {"PAWSTimewait": 8, "ListenDrops": 3, "TW": 90}
    assert rises((0, before), (5, after)) == {"PAWSTimewait"}


def test_counter_that_appears() -> None:
    """A counter that was absent before has not risen by having a first value."""
    assert rises((0, {}), (5, {"PAWSTimewait": 8})) == NOTHING
    assert rises((0, {}), (5, {"PAWSTimewait": 8}), (10, {"PAWSTimewait": 9})) == {"PAWSTimewait"}


def test_remembered() -> None:
    """A rise is remembered for ten minutes, and no longer."""
    risen = (0.0, {"TW": 1}), (5.0, {"TW": 2})
    assert rises(*risen, (5 + TEN_MINUTES - 0.1, {"TW": 2})) == {"TW"}
    assert rises(*risen, (5 + TEN_MINUTES, {"TW": 2})) == NOTHING


def test_remembered_anew() -> None:
    """A counter that keeps rising stays for ten minutes after its last rise."""
    risen = (0.0, {"TW": 1}), (5.0, {"TW": 2}), (500.0, {"TW": 3})
    assert rises(*risen, (5 + TEN_MINUTES, {"TW": 3})) == {"TW"}


def test_unchanged_past() -> None:
    """What was known before a sample is unchanged."""
    before = EventRises().after({"TW": 1}, 0.0)
    before.after({"TW": 2}, 5.0)
    assert before.recent == NOTHING


def amounts(event: str, *samples: tuple[float, int]) -> tuple[int, float]:
    """Return by how much a counter rose recently, and within how many seconds."""
    known = EventRises()
    for at, count in samples:
        known = known.after({event: count}, at)
    return known.risen(event), known.seconds


def test_amount() -> None:
    """The rises within a minute are added up; the time runs from the first sample."""
    assert amounts("TW") == (0, 0)
    assert amounts("TW", (100, 7)) == (0, 0)
    assert amounts("TW", (100, 7), (105, 9), (110, 9), (115, 12)) == (5, 15)


def test_last_minute() -> None:
    """What rose a minute ago no longer counts."""
    samples = (0.0, 0), (5.0, 100), (10.0, 101)
    assert amounts("TW", *samples, (64.0, 101)) == (101, 64)
    assert amounts("TW", *samples, (65.0, 101)) == (1, 60)
    assert amounts("TW", *samples, (70.0, 101)) == (0, 60)


def test_samples_far_apart() -> None:
    """If samples are more than a minute apart, the amount covers a longer time."""
    assert amounts("TW", (0.0, 0), (300.0, 50), (600.0, 80)) == (30, 300)


def test_counter_that_begins_anew() -> None:
    """A counter that falls has not risen; what it counts afterwards has."""
    assert amounts("TW", (0.0, 2**32 - 1), (5.0, 3), (10.0, 4)) == (1, 10)


@given(
    st.lists(st.tuples(st.floats(0.1, 100), st.integers(0, 5)), min_size=1, max_size=30),
)
def test_amounts_add_up(steps: list[tuple[float, int]]) -> None:
    """The amount is what the counter gained in the stated time, which is at least a minute."""
    known, at, count = EventRises().after({"TW": 0}, 0.0), 0.0, 0
    counts = [(at, count)]
    for pause, rise in steps:
        at, count = at + pause, count + rise
        counts.append((at, count))
        known = known.after({"TW": count}, at)
    assert min(at, 60) <= known.seconds <= at
    begin = at - known.seconds
    known_before = max((number for moment, number in counts if moment <= begin + 1e-6), default=0)
    assert known.risen("TW") <= count - known_before


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)), min_size=1))
def test_only_what_grew(samples: list[dict[str, int]]) -> None:
    """What rises is what some sample in the last ten minutes showed above the one before it."""
    grew = {
        event
        for before, after in pairwise(samples)
        for event in before.keys() & after.keys()
        if after[event] > before[event]
    }
    assert rises(*((float(at), counters) for at, counters in enumerate(samples))) == grew
