"""A short run of what `make churn` does for ten minutes."""

import pytest

from tests.reliability.churn import run
from tests.reliability.churn_record import check

# It takes all the CPU there is, and compares what two of its parts see at the same moment.
pytestmark = [pytest.mark.time_limit(300), pytest.mark.alone]
SECONDS = 20.0


def test_churn() -> None:
    """Under as many connections as the machine gives, each sample agrees with the kernel and ss."""
    report = list(check(run(SECONDS)))
    print("\n".join(report))  # noqa: T201 - shown where something fails
    assert len(report) == 5
