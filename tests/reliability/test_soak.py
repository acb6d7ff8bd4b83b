"""A short run of what `make soak` does for an hour."""

import pytest

from tests.reliability.soak import check, run

pytestmark = pytest.mark.time_limit(300)
SECONDS = 30.0


def test_soak() -> None:
    """Under churn, namespaces, reloads and hostile clients the daemon keeps its size."""
    report = list(check(run(SECONDS)))
    print("\n".join(report))  # noqa: T201 - shown where something fails
    assert len(report) == 7
