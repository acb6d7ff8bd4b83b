import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.pacing import Remembered
from tests.support.fakes.fake_clock import FakeClock


def test_remembered() -> None:
    """An answer is given again until its time is over, then asked for again."""
    clock, answers = FakeClock(), iter("abc")
    remembered = Remembered(lambda: next(answers), 60.0, clock)
    assert remembered.get() == "a"
    clock.advance(59.9)
    assert remembered.get() == "a"
    clock.advance(0.1)
    assert remembered.get() == "b"


def test_failure() -> None:
    """A failure is not remembered, and ends what was known."""
    clock = FakeClock()
    fail = False

    def ask() -> str:
        if fail:
            raise SourceError("program", "absent")
        return "answer"

    remembered = Remembered(ask, 60.0, clock)
    assert remembered.get() == "answer"
    clock.advance(60.0)
    fail = True
    with pytest.raises(SourceError):
        remembered.get()
    fail = False
    assert remembered.get() == "answer"
