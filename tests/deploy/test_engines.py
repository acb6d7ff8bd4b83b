"""deploy/engines and docs/engines.md: each file is read by what can be had of its engine."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tcp_pressure_exporter.facts.sockets import STATE_NAMES
from tests.deploy.rule_files import alerts, groups, promtool
from tests.support.places import DEPLOY, DOCS
from tests.test_docs import documented

TEXT = (DOCS / "engines.md").read_text()
FOLDER = DEPLOY / "engines"
SHIPPED = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
(JOB,) = SHIPPED["scrape_configs"]
INTERVAL = SHIPPED["global"]["scrape_interval"]
MOST_RULES, MOST_GROUPS = 20, 70  # Mimir's ruler_max_rules_per_rule_group and ..._groups_per_tenant

Config = dict[str, Any]


def read(name: str) -> Config:
    loaded: Config = yaml.safe_load((FOLDER / name).read_text())
    return loaded


def test_every_file_is_known_here() -> None:
    """None is without a test."""
    assert {path.name for path in FOLDER.iterdir()} == {
        *("agent.yml", "vmagent.yml"),
        *("otelcol.yaml", "config.alloy", "telegraf.conf"),
    }


@pytest.mark.parametrize(("name", "flags"), [("agent.yml", ["--agent"]), ("vmagent.yml", [])])
def test_prometheus_accepts_it(name: str, flags: list[str]) -> None:
    """What Prometheus reads, and what vmagent reads in the same form, has no unknown field."""
    promtool("check", "config", *flags, name, folder=FOLDER)


def test_the_receiver_needs_no_targets(tmp_path: Path) -> None:
    """The shipped configuration stays valid without what scrapes."""
    (tmp_path / "rules").symlink_to(DEPLOY / "prometheus" / "rules")
    receiver = {key: SHIPPED[key] for key in SHIPPED if key != "scrape_configs"}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(receiver))
    promtool("check", "config", "prometheus.yml", folder=tmp_path)


def collector(tmp_path: Path) -> Config:
    """Return the scrape configuration inside the Collector's, as Prometheus reads it."""
    config: Config = read("otelcol.yaml")["receivers"]["prometheus"]["config"]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    promtool("check", "config", "prometheus.yml", folder=tmp_path)
    return config


def test_every_collector_scrapes_as_prometheus_does(tmp_path: Path) -> None:
    """The job, the interval and the limit are those that ship."""
    for name in ("agent.yml", "vmagent.yml"):
        assert read(name)["global"]["scrape_interval"] == INTERVAL
        (job,) = read(name)["scrape_configs"]
        assert {key: job[key] for key in ("job_name", "sample_limit")} == {
            key: JOB[key] for key in ("job_name", "sample_limit")
        }
    (job,) = collector(tmp_path)["scrape_configs"]
    assert (job["job_name"], job["sample_limit"]) == (JOB["job_name"], JOB["sample_limit"])
    assert job["scrape_interval"] == job["scrape_timeout"] == INTERVAL
    lines = (FOLDER / "config.alloy").read_text()
    alloy = dict(re.findall(r"^  (\w+) += (.+)$", lines, re.MULTILINE))
    assert alloy["job_name"] == f'"{JOB["job_name"]}"'
    assert alloy["sample_limit"] == str(JOB["sample_limit"])
    assert alloy["scrape_interval"] == alloy["scrape_timeout"] == f'"{INTERVAL}"'


def test_the_collector_s_pipeline_is_whole() -> None:
    """The one metrics pipeline goes from receiver to exporter, and waits nowhere."""
    config = read("otelcol.yaml")
    (pipeline,) = config["service"]["pipelines"].values()
    assert pipeline == {
        "receivers": list(config["receivers"]),
        "exporters": list(config["exporters"]),
    }


def test_telegraf() -> None:
    """Telegraf's file is TOML, with the job and the interval that ship."""
    config = tomllib.loads((FOLDER / "telegraf.conf").read_text())
    assert config["global_tags"]["job"] == JOB["job_name"]
    assert config["agent"]["interval"] == INTERVAL
    (scraped,) = config["inputs"]["prometheus"]
    assert scraped["urls"] == ["http://localhost:10190/metrics"]


def test_what_telegraf_cannot_tell() -> None:
    """The page names every alert that needs `up`, which Telegraf does not send."""
    asking = {name for name, rule in alerts().items() if re.search(r"\bup\b", rule["expr"])}
    section = TEXT.split("\n## Telegraf\n")[1].split("\n## ")[0]
    assert set(re.findall(r"TcpPressure\w+", section)) == asking


def test_mimir_takes_the_rules() -> None:
    """No group has more rules, and no set of files more groups, than Mimir's defaults allow."""
    assert all(len(group["rules"]) <= MOST_RULES for _path, group in groups())
    assert len(list(groups())) <= MOST_GROUPS
    assert f"limits of {MOST_RULES} rules in a group and {MOST_GROUPS} groups" in TEXT


def test_names_in_opentelemetry() -> None:
    """The tables' metrics and labels are ours, and each state has its name there."""
    section = TEXT.split("\n## Names in OpenTelemetry\n")[1]
    ours = {name: labels for name, _kind, labels in documented()}
    assert set(re.findall(r"\btcp_pressure_\w+", section)) <= ours.keys()
    labels = {label for found in ours.values() for label in found}
    rows = re.findall(r"^\| `(\w+)`[^|]*\| `(?:network|process|service)\.", section, re.MULTILINE)
    assert {row for row in rows if not row.startswith("process_")} <= labels
    renamed = {"syn_recv", "fin_wait1", "fin_wait2", "close"}
    assert renamed <= set(STATE_NAMES.values())
    assert len(set(STATE_NAMES.values()) - renamed) == 7
