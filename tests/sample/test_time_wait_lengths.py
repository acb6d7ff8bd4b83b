"""How long TIME_WAIT lasts: the setting, what was set before, and what entries show."""

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.time_wait import TimeWaitLengths, same_length
from tcp_pressure_exporter.sample.time_wait_lengths import KnownLengths

KNOWN = KnownLengths().with_setting(60_000, 0.0)


def shown(known: KnownLengths, left_ms: int, now: float) -> KnownLengths:
    """Return what is known after a dump that took a tenth of a second."""
    return known.with_shown(left_ms, now, now + 0.1)


def test_setting() -> None:
    """The setting is the length of all entries, and entries that show no more change nothing."""
    assert KNOWN.lengths == same_length(60_000)
    assert shown(KNOWN, 60_000, 5.0) == KNOWN
    # One tick more, at HZ=100, is a clock read late.
    assert shown(KNOWN, 60_010, 5.0) == KNOWN


def test_shortened() -> None:
    """Entries from before have up to 60 s left for a minute, new ones 15 s; then all have 15 s."""
    known = KNOWN.with_setting(15_000, 100.0)
    assert known.lengths == TimeWaitLengths(15_000, 60_000)
    assert shown(known, 59_000, 100.0) == known
    assert known.with_setting(15_000, 159.0).lengths == TimeWaitLengths(15_000, 60_000)
    assert known.with_setting(15_000, 160.1).lengths == same_length(15_000)


def test_lengthened() -> None:
    """Entries from before are over after 15 s; until then none of 60 s has only 15 s left."""
    known = KnownLengths().with_setting(15_000, 0.0).with_setting(60_000, 100.0)
    assert known.lengths == TimeWaitLengths(15_000, 60_000)
    assert known.lengths.age_ms(14_000) == 1_000
    assert known.lengths.age_ms(58_000) == 2_000
    assert known.with_setting(60_000, 115.1).lengths == same_length(60_000)


def test_changed_before_the_start() -> None:
    """Entries with too much left, but less from look to look, are from before a change."""
    known = KnownLengths().with_setting(15_000, 0.0)
    for now, left_ms in ((0.0, 40_000), (5.0, 35_000), (20.0, 20_000)):
        known = shown(known.with_setting(15_000, now), left_ms, now)
        assert known.lengths == TimeWaitLengths(15_000, 40_000)
    assert known.with_setting(15_000, 41.0).lengths == same_length(15_000)


def test_another_length_than_the_setting() -> None:
    """A kernel built with 300 s always has new entries with more than 60 s left: all last 300 s."""
    known = shown(KNOWN, 298_900, 0.0)
    assert known.lengths == TimeWaitLengths(60_000, 299_000)
    known = shown(known.with_setting(60_000, 5.0), 299_996, 5.0)
    assert known.lengths == same_length(300_000)
    # As long as such entries come, and one length after the last of them.
    known = shown(known.with_setting(60_000, 200.0), 299_000, 200.0)
    assert known.with_setting(60_000, 490.0).lengths == same_length(300_000)
    assert known.with_setting(60_000, 500.0).lengths == same_length(60_000)


def test_one_that_is_too_long() -> None:
    """One entry that shows too much once is not proof: the rest stay as they were."""
    known = shown(KNOWN, 110_000, 0.0)
    assert known.lengths.shorter_ms == 60_000
    assert known.with_setting(60_000, 111.0).lengths == same_length(60_000)


LENGTHS = st.integers(1, 600)


@given(st.lists(st.tuples(LENGTHS, st.integers(0, 10_000_000), st.floats(0, 50)), max_size=20))
def test_any_course(course: list[tuple[int, int, float]]) -> None:
    """Whatever is set and shown, lengths are 1 to 600 s, and that in the setting is among them.

    If entries show that the kernel does not follow the setting, it is shorter than both.
    """
    known, now = KnownLengths(), 0.0
    for setting, left_ms, pause in course:
        now += pause
        known = known.with_setting(1000 * setting, now).with_shown(left_ms, now, now)
        lengths = known.lengths
        assert 1000 <= lengths.shorter_ms <= lengths.longer_ms <= 600_000
        assert 1000 * setting in lengths or 1000 * setting < lengths.shorter_ms
