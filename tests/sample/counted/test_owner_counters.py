"""Which owners are listed: those with the most events lately, without taking turns."""

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.sample.counted.owner_counters import (
    MAX_REMEMBERED,
    Choose,
    OwnerCounters,
    foremost,
    risen,
)

Name = tuple[str]


def top(number: int) -> Choose[Name]:
    """Return a function that chooses that many."""
    return lambda ranks: foremost(ranks, ranks, number)


@given(
    st.dictionaries(st.integers(0, 5), st.integers(0, 9)),
    st.dictionaries(st.integers(0, 5), st.integers(0, 9)),
)
def test_risen(before: dict[int, int], now: dict[int, int]) -> None:
    """A row shows by how much its count rose; one that is gone, or counts less, shows nothing."""
    expected = {row: now[row] - before.get(row, 0) for row in now}
    assert dict(risen(before, now)) == {row: more for row, more in expected.items() if more > 0}


STEP = st.tuples(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 40)), st.floats(0, 2000.0)
)


@given(st.lists(STEP, max_size=12), st.integers(1, 4))
def test_choice(steps: list[tuple[dict[str, int], float]], room: int) -> None:
    """Nobody stays listed while an unlisted owner had half as many events again lately."""
    counters: OwnerCounters[Name] = OwnerCounters()
    now, lately = 0.0, dict[str, float]()
    for events, seconds in steps:
        now += seconds
        for name in lately:
            lately[name] *= 0.5 ** (seconds / 300.0)
        for name, number in events.items():
            lately[name] = lately.get(name, 0.0) + number
        before = counters.listed
        counters = counters.after({(name,): n for name, n in events.items()}, top(room), now)
        assert len(counters.listed) <= room
        for (name,) in counters.listed:
            others = [lately[other] for other in lately if (other,) not in counters.listed]
            allowed = 1.5 if (name,) in before else 1.0
            assert lately[name] * allowed >= max(others, default=0.0) * 0.999 - 0.02
        for listed, number in counters.listed.items():
            assert number == before.get(listed, 0) + events.get(listed[0], 0)


def test_bounded_memory() -> None:
    """However many names someone makes up, only those that matter most are remembered."""
    names = {(f"p{number}",): 1 + (number < MAX_REMEMBERED) for number in range(5 * MAX_REMEMBERED)}
    before: OwnerCounters[Name] = OwnerCounters()
    counters = before.after(names, top(0), 0.0)
    assert len(counters.lately) == MAX_REMEMBERED
    assert all(names[name] == 2 for name in counters.lately)
