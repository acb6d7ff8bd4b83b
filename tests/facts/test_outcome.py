import pytest

from tcp_pressure_exporter.facts.outcome import Outcome, SourceError, attempt
from tests.support.fakes.fake_clock import FakeClock

ERROR = SourceError("net.ipv4.tcp_tw_reuse", "absent")


def test_value() -> None:
    """A value comes with the seconds it took."""
    clock = FakeClock()

    def build() -> int:
        clock.advance(0.25)
        return 7

    assert attempt(build, clock) == Outcome(0.25, 7)


def test_error() -> None:
    """A SourceError becomes the outcome, with the seconds it took."""
    clock = FakeClock()

    def build() -> int:
        clock.advance(0.5)
        raise ERROR

    assert attempt(build, clock) == Outcome(0.5, error=ERROR)


def test_defect() -> None:
    """Any other exception is a defect and passes."""

    def build() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        attempt(build, FakeClock())


@pytest.mark.parametrize("value", [0, [], {}, "", False])
def test_get_empty_value(value: object) -> None:
    """An empty value is a value."""
    assert Outcome(0.1, value).get() == value


def test_get_error() -> None:
    """Getting a value that is not there raises the reason."""
    failed: Outcome[int] = Outcome(0.1, error=ERROR)
    with pytest.raises(SourceError, match=r"^net\.ipv4\.tcp_tw_reuse: absent$"):
        failed.get()


def test_get_nothing() -> None:
    """With neither value nor reason there is still a SourceError."""
    nothing: Outcome[int] = Outcome(0.1)
    with pytest.raises(SourceError):
        nothing.get()
