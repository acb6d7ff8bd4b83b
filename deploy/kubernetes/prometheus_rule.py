"""Writes the links in the alert rules, and the Prometheus operator's PrometheusRule.

The PrometheusRule has the groups of the same rules files. Run by `make manifests`; a test compares
what it would write with what is there.
"""

from pathlib import Path
from typing import Any

import yaml

from deploy.docs_url import docs_url, with_links

DEPLOY = Path(__file__).parents[1]
TARGET = DEPLOY / "kubernetes" / "components" / "prometheus-operator" / "prometheusrule.yaml"
HEAD = "# Made of deploy/prometheus/rules/*.yml by: make manifests\n"


def prometheus_rule(folder: Path) -> str:
    """Return the manifest with every group of the rules files in the folder."""
    groups: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*.yml")):
        groups += yaml.safe_load(path.read_text())["groups"]
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "tcp-pressure-exporter"},
        "spec": {"groups": groups},
    }
    return HEAD + yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=120)


def write_links(folder: Path, docs_url: str) -> None:
    """Make the rules in the folder, and their tests, link to documents below the address."""
    for path in [*folder.glob("rules/*.yml"), *folder.glob("tests/*.yml")]:
        path.write_text(with_links(path.read_text(), docs_url))


if __name__ == "__main__":
    write_links(DEPLOY / "prometheus", docs_url())
    TARGET.write_text(prometheus_rule(DEPLOY / "prometheus" / "rules"))
