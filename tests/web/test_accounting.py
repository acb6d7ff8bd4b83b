from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.web.accounting import Episodes
from tests.support.fakes.fake_clock import FakeClock


def test_first_of_each_kind() -> None:
    """The first event of each kind begins an episode, and so does one after a minute of quiet."""
    clock = FakeClock()
    episodes = Episodes(clock)
    assert [episodes.begins(24), episodes.begins(24), episodes.begins(12)] == [True, False, True]
    clock.advance(60)
    assert not episodes.begins(24)
    clock.advance(61)
    assert [episodes.begins(24), episodes.begins(12)] == [True, True]


@given(st.lists(st.integers(0, 200), max_size=30))
def test_any_pauses(pauses: list[int]) -> None:
    """Episodes number one more than the pauses of over a minute."""
    clock = FakeClock()
    episodes = Episodes(clock)
    begun = [episodes.begins()]
    for pause in pauses:
        clock.advance(pause)
        begun.append(episodes.begins())
    assert begun.count(True) == 1 + sum(pause > 60 for pause in pauses)
