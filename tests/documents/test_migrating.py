"""docs/migrating.md: Prometheus accepts every query, and each is about exported metrics."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.deploy.rule_files import promtool
from tests.support.places import DOCS
from tests.test_docs import exported

TEXT = (DOCS / "migrating.md").read_text()
BLOCKS = re.findall(r"^```promql\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
QUERIES = [query for block in BLOCKS for query in block.strip().split("\n\n")]
LABELS = {name: {*labels} for name, _type, labels in exported()}
SELECTOR = re.compile(r"(tcp_pressure_\w+)(?:\{([^}]*)\})?")
GROUPING = re.compile(r"\b(?:by|without) \(([^)]*)\)")


def expressions() -> Iterator[str]:
    """Yield each query without the comment on what it replaces."""
    for query in QUERIES:
        was, expression = query.split("\n")
        assert was.startswith("# ")
        yield expression


def test_prometheus_accepts_each_query(tmp_path: Path) -> None:
    """They are checked by promtool, as recording rules."""
    rules = [{"record": f"query:{n}", "expr": text} for n, text in enumerate(expressions())]
    assert len(rules) > 25
    groups = {"groups": [{"name": "migrating", "rules": rules}]}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(groups))
    promtool("check", "rules", "rules.yml", folder=tmp_path)


@pytest.mark.parametrize("query", [*expressions()])
def test_each_query_asks_for_what_is_exported(query: str) -> None:
    """The metrics exist, and have the labels used for matching and grouping."""
    selectors = SELECTOR.findall(query)
    assert selectors
    grouped = {name.strip() for names in GROUPING.findall(query) for name in names.split(",")}
    for metric, matchers in selectors:
        matched = set(re.findall(r"(\w+)=", matchers))
        assert matched | grouped <= LABELS[metric], metric
