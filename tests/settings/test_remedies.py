import pytest

from tcp_pressure_exporter.pools.remedies import (
    KeepAlive,
    LocalRange,
    MoreAddresses,
    Remedy,
    TimeWaitTakeOver,
)
from tcp_pressure_exporter.settings.remedies import EXAMPLES, parse_remedy


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("range=16384-60999", LocalRange(16384, 60999)),
        ("range=1-65535", LocalRange(1, 65535)),
        ("tw_reuse=1", TimeWaitTakeOver()),
        ("addresses=+1", MoreAddresses(1)),
        ("addresses=1000", MoreAddresses(1000)),
        ("keepalive=0.9", KeepAlive(0.9)),
        ("keepalive=1", KeepAlive(1.0)),
    ],
)
def test_good(text: str, remedy: Remedy) -> None:
    """Each remedy is understood."""
    assert parse_remedy(text) == remedy


@pytest.mark.parametrize("text", EXAMPLES.split(", "))
def test_written_as_read(text: str) -> None:
    """A remedy is written as a user gives it."""
    assert parse_remedy(text).text == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", f"must be one of {EXAMPLES}"),
        ("range", f"must be one of {EXAMPLES}, did you mean range?"),
        ("keep-alive=0.9", f"must be one of {EXAMPLES}, did you mean keepalive?"),
        ("range=5-5", "the range must be two ports such as 16384-60999"),
        ("range=1024-65536", "the range must be two ports such as 16384-60999"),
        ("range=1024", "the range must be two ports such as 16384-60999"),
        ("tw_reuse=2", "tw_reuse must be 1: no other value frees ports"),
        ("addresses=0", "addresses must be from +1 to +1000"),
        ("addresses=-1", "addresses must be from +1 to +1000"),
        ("keepalive=90", "the share of keepalive must be a number above 0 and at most 1"),
    ],
)
def test_bad(text: str, reason: str) -> None:
    """For anything else, the error says what is allowed."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is compared
        parse_remedy(text)
    assert str(caught.value) == reason
