"""Events of the last minute, by name."""

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.sample.counted.last_minute import MINUTE, NAMED, STEP, LastMinute


def test_a_minute() -> None:
    """Events up to a minute ago count, and nothing older."""
    nothing: LastMinute[str] = LastMinute()
    known = nothing.after({"nginx": 70}, 0.0).after({"nginx": 5, "curl": 2}, 30.0)
    assert known.counts() == {"nginx": 75, "curl": 2}
    assert known.after({}, 59.0).counts() == {"nginx": 75, "curl": 2}
    assert known.after({}, 60.0).counts() == {"nginx": 5, "curl": 2}
    assert known.after({}, 90.0).counts() == {}


@given(st.lists(st.tuples(st.floats(0, 100), st.dictionaries(st.integers(0, 99), st.integers(1)))))
def test_bounds(samples: Sequence[tuple[float, Mapping[int, int]]]) -> None:
    """However many names and samples there are, few steps of few names are kept."""
    known: LastMinute[int] = LastMinute()
    now = 0.0
    for pause, events in samples:
        now += pause / 50
        known = known.after(events, now)
        assert len(known.steps) <= 2 * MINUTE / STEP
        assert all(len(step.events) <= NAMED for step in known.steps)


@given(st.lists(st.tuples(st.floats(0.1, 9), st.dictionaries(st.sampled_from("abc"), st.just(1)))))
def test_nothing_is_lost(samples: Sequence[tuple[float, Mapping[str, int]]]) -> None:
    """With few names, each event counts that is not older than a minute and a step."""
    known: LastMinute[str] = LastMinute()
    now = 0.0
    kept: list[tuple[float, str]] = []
    for pause, events in samples:
        now += pause
        known = known.after(events, now)
        kept += [(now, name) for name in events]
    counts = known.counts()
    for name in "abc":
        surely = sum(1 for at, one in kept if one == name and now - at < MINUTE)
        at_most = sum(1 for at, one in kept if one == name and now - at < MINUTE + STEP)
        assert surely <= counts.get(name, 0) <= at_most
