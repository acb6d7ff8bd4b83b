from collections.abc import Mapping
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.findings.evidence import EventRises

NOTHING: frozenset[str] = frozenset()
TEN_MINUTES = 600.0


def rises(*samples: tuple[float, Mapping[str, int]]) -> frozenset[str]:
    """Return what counts as rising after samples of the counters at some seconds."""
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
    """A counter that was absent before has not risen by its first value."""
    assert rises((0, {}), (5, {"PAWSTimewait": 8})) == NOTHING
    assert rises((0, {}), (5, {"PAWSTimewait": 8}), (10, {"PAWSTimewait": 9})) == {"PAWSTimewait"}


def test_remembered() -> None:
    """A rise is remembered for ten minutes, and no longer."""
    risen = (0.0, {"TW": 1}), (5.0, {"TW": 2})
    assert rises(*risen, (5 + TEN_MINUTES - 0.1, {"TW": 2})) == {"TW"}
    assert rises(*risen, (5 + TEN_MINUTES, {"TW": 2})) == NOTHING


def test_remembered_anew() -> None:
    """A counter that goes on rising stays for ten minutes from its last rise."""
    risen = (0.0, {"TW": 1}), (5.0, {"TW": 2}), (500.0, {"TW": 3})
    assert rises(*risen, (5 + TEN_MINUTES, {"TW": 3})) == {"TW"}


def test_unchanged_past() -> None:
    """What was known before a sample stays as it was."""
    before = EventRises().after({"TW": 1}, 0.0)
    before.after({"TW": 2}, 5.0)
    assert before.recent == NOTHING


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)), min_size=1))
def test_only_what_grew(samples: list[dict[str, int]]) -> None:
    """Within ten minutes, what rises is what some sample showed above the one before it."""
    grew = {
        event
        for before, after in pairwise(samples)
        for event in before.keys() & after.keys()
        if after[event] > before[event]
    }
    assert rises(*((float(at), counters) for at, counters in enumerate(samples))) == grew
