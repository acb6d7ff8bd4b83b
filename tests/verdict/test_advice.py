"""What to do about an outbound pool, by what holds its ports and by the system."""

import pytest

from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.verdict.kinds import outbound_advice


@pytest.mark.parametrize(
    ("usage", "says", "says_not"),
    [
        (Usage(900, 1000, 800, 0), "tcp_tw_reuse = 1", "open connections"),
        (Usage(900, 1000, 800, None), "one more local or remote address", "tcp_tw_reuse"),
        (Usage(900, 1000, 450, 0), "open connections", "tcp_tw_reuse"),
        (Usage(900, 1000, None, None), "open connections", "tcp_tw_reuse"),
    ],
)
def test_outbound(usage: Usage, says: str, says_not: str) -> None:
    """Linux's tcp_tw_reuse is advised only where the system tells what connect() takes over."""
    advice = outbound_advice(usage)
    assert says in advice
    assert says_not not in advice
