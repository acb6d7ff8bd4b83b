from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.pools.memory import HighWater, raised

SAMPLES = st.lists(
    st.tuples(st.integers(1, 40).map(float), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])),
    min_size=1,
    max_size=40,
)


def test_a_minute() -> None:
    """A peak is shown for less than a minute after its sample."""
    marks = raised((), 100.0, 0.9)
    marks = raised(marks, 130.0, 0.2)
    assert marks[0] == (100.0, 0.9)
    assert raised(marks, 159.0, 0.1)[0][1] == 0.9
    assert raised(marks, 160.0, 0.1)[0][1] == 0.2


@given(SAMPLES)
def test_naive_maximum(steps: list[tuple[float, float]]) -> None:
    """The first mark is the highest value of all samples less than a minute old."""
    marks: HighWater[float] = ()
    seen: list[tuple[float, float]] = []
    now = 0.0
    for seconds, value in steps:
        now += seconds
        seen.append((now, value))
        marks = raised(marks, now, value)
        assert marks[0][1] == max(value for time, value in seen if now - time < 60)


@given(SAMPLES)
def test_bounded(steps: list[tuple[float, float]]) -> None:
    """No more is remembered than the samples of a minute, and no value twice."""
    marks: HighWater[float] = ()
    now = 0.0
    for seconds, value in steps:
        now += seconds
        marks = raised(marks, now, value)
    values = [value for _time, value in marks]
    assert values == sorted(set(values), reverse=True)
    assert all(now - time < 60 for time, _value in marks)


def test_named() -> None:
    """A value with a name keeps it: the name of the highest comes first."""
    marks = raised(raised((), 0.0, (0.9, "a:80")), 30.0, (0.5, "b:80"))
    assert marks == ((0.0, (0.9, "a:80")), (30.0, (0.5, "b:80")))
    assert raised(marks, 60.0, (0.1, "c:80"))[0] == (30.0, (0.5, "b:80"))
