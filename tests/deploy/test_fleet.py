"""docs/fleet.md: its examples are valid, and its series are the recorded ones."""

import re
from pathlib import Path

import pytest
import yaml

from tests.deploy.rule_files import promtool, rules
from tests.support.places import ROOT

PAGE = ROOT / "docs" / "fleet.md"
TEXT = PAGE.read_text()
CONFIGS = [
    block
    for block in re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    if re.search("^(scrape_configs|remote_write):", block, re.MULTILINE)
]
RECORDED = {rule["record"] for _path, rule in rules() if "record" in rule}
NAME = re.compile(r"\b[a-z_]+:tcp_pressure_\w+:\w+\b")


@pytest.mark.parametrize("text", CONFIGS, ids=["leaf", "federation", "remote write"])
def test_prometheus_accepts_each_configuration(tmp_path: Path, text: str) -> None:
    """What the page shows can be used as written, except for the names of hosts."""
    (tmp_path / "rules").symlink_to(ROOT / "deploy" / "prometheus" / "rules")
    (tmp_path / "prometheus.yml").write_text(text)
    promtool("check", "config", "prometheus.yml", folder=tmp_path)


def test_the_page_names_each_recorded_series() -> None:
    """No recorded series is missing, and every one named exists."""
    assert set(NAME.findall(TEXT)) == RECORDED


@pytest.mark.parametrize("text", CONFIGS[1:], ids=["federation", "remote write"])
def test_a_global_view_gets_the_recorded_series(text: str) -> None:
    """The expressions that choose series take all recorded ones and no raw ones."""
    patterns = [match for match in re.findall(r'"(\[a-z_\]\+:[^"]+)"', text) if match]
    assert len(patterns) == 1
    assert all(re.fullmatch(patterns[0], name) for name in RECORDED)
    assert not re.fullmatch(patterns[0], "tcp_pressure_pool_ratio_max")


def test_the_leaf_is_as_the_shipped_configuration() -> None:
    """It has the intervals, the job and the limit of deploy/prometheus/prometheus.yml."""
    leaf = yaml.safe_load(CONFIGS[0])
    shipped = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    for key in ("scrape_interval", "evaluation_interval"):
        assert leaf["global"][key] == shipped["global"][key]
    for key in ("job_name", "sample_limit"):
        assert leaf["scrape_configs"][0][key] == shipped["scrape_configs"][0][key]
