import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.settings.values import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("700ms", 0.7),
        ("5s", 5),
        ("1m", 60),
        ("1m30s", 90),
        ("1h", 3600),
        ("1h2m3s4ms", 3723.004),
        ("0s", 0),
        ("-1s", -1),
        ("-1m30s", -90),
        ("90s", 90),
    ],
)
def test_duration(text: str, seconds: float) -> None:
    """The parts of a duration add up, in seconds."""
    assert parse_duration(text) == seconds


NO_DURATIONS = ["", "-", "5", "0", "s", "ms", "5 s", " 5s", "5s\n", "5S", "1d", "1.5s", "30s1m"]
NO_DURATIONS += ["1s1s", "\u0665s", "9" * 5000 + "s", "+5s", "--5s", "inf", "nan"]


@pytest.mark.parametrize("text", NO_DURATIONS)
def test_no_duration(text: str) -> None:
    """Anything not written like Prometheus's durations is refused."""
    with pytest.raises(ValueError, match="must be a duration such as 500ms, 5s or 1m30s"):
        parse_duration(text)


@given(st.text(alphabet="0123456789hms-.", max_size=12))
def test_any_text(text: str) -> None:
    """Any text gives a finite number or a ValueError."""
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert abs(seconds) < 1e14
