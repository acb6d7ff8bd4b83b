"""Names, types and labels of the metrics are an interface: dashboards and alerts build on them."""

import re

from tests.support.golden_metrics import GOLDEN, lines
from tests.support.places import ROOT

ADVICE = """
Metrics changed. Where that is meant: say so in CHANGELOG.md, under "Changed" or "Removed" what a
dashboard or an alert must follow, and write the list again:
.venv/bin/python -m tests.support.golden_metrics > tests/golden_metrics.txt"""


def test_metrics_are_as_they_were() -> None:
    """No metric appears, vanishes, or changes type or labels without a line in the changelog."""
    golden, now = GOLDEN.read_text().splitlines(), lines()
    gone = [line for line in golden if line not in now]
    new = [line for line in now if line not in golden]
    assert not gone + new, f"gone: {gone}\nnew: {new}\n{ADVICE}"


def test_each_is_documented() -> None:
    """Each of our metrics is in docs/metrics.md, and the library's are named by their prefix."""
    document = (ROOT / "docs" / "metrics.md").read_text()
    for line in GOLDEN.read_text().splitlines():
        name = line.split()[0]
        known = name if name.startswith("tcp_pressure_") else name.partition("_")[0] + "_*"
        assert f"`{known}`" in document, name


def test_names_follow_the_conventions() -> None:
    """Counters end in _total, and nothing else does; names are lower case with a base unit."""
    for line in GOLDEN.read_text().splitlines():
        name, kind, *_labels = line.split()
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert name.endswith("_total") == (kind == "counter"), line
        assert not re.search(r"_(ms|milliseconds|minutes|kb|mb|percent)(_|$)", name), line
