"""A short run of what `make soak SOAK=refusals` does for ten minutes."""

import pytest

from tests.reliability.refusals import check_counts, run

pytestmark = [pytest.mark.bpf, pytest.mark.time_limit(300)]
SECONDS, RATE = 15.0, 2_000.0


def test_refusals() -> None:
    """Under churn, refused connects count once, even with a full table, and so do active closes."""
    done, seen = run(SECONDS, RATE)
    report = list(check_counts(done, seen))
    print("\n".join(report))  # noqa: T201 - shown where something fails
    assert done.no_port > 6_000
    assert len(report) == 5
