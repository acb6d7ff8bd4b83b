"""The metric names that docs/metrics.md documents, to check other files against."""

import re
from pathlib import Path

from tests.support.places import DOCS

METRICS_PAGE = DOCS / "metrics.md"
NAME = re.compile(r"\btcp_pressure_[a-z0-9_]+\b")


def documented_names() -> set[str]:
    """Return every metric name in docs/metrics.md."""
    return names_in(METRICS_PAGE)


def names_in(path: Path) -> set[str]:
    """Return every metric name that a file mentions."""
    return set(NAME.findall(path.read_text()))
