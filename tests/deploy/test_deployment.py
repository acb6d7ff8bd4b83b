"""docs/deployment.md begins with what a reader has; the jobs that it links to work as they ship."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from tests.deploy.rule_files import FOLDER, promtool
from tests.support.labs.node_exporter import textfile_page
from tests.support.labs.prometheus_server import PROMTOOL
from tests.support.places import DOCS

TEXT = (DOCS / "deployment.md").read_text()
JOBS = ("kubernetes.yml", "textfile.yml")
(SHIPPED,) = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]


def jobs(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((FOLDER / name).read_text())["scrape_configs"]
    return found


def test_it_begins_with_what_a_reader_has() -> None:
    """The table comes right after one paragraph, and each of its rows leads somewhere."""
    _heading, paragraph, table, _rest = TEXT.split("\n\n", 3)
    assert len(paragraph.splitlines()) == 1
    head, _rule, *rows = table.splitlines()
    assert head == "| you have | do this |"
    assert all(re.fullmatch(r"\| [^|]+ \| [^|]*\]\([^|]+\)[^|]* \|", row) for row in rows)


@pytest.mark.parametrize("name", JOBS)
def test_prometheus_accepts_it(name: str, tmp_path: Path) -> None:
    """Each is a configuration, and the page leads to it."""
    assert f"](../deploy/prometheus/{name})" in TEXT
    without = [
        {key: value for key, value in job.items() if key != "kubernetes_sd_configs"}
        for job in jobs(name)  # Debian builds Prometheus without it
    ]
    (tmp_path / name).write_text(yaml.safe_dump({"scrape_configs": without}))
    promtool("check", "config", name, folder=tmp_path)


def test_it_scrapes_as_the_shipped_configuration_does() -> None:
    """The job and the limit that ship, every 5 s."""
    (job,) = jobs("kubernetes.yml")
    assert (job["job_name"], job["sample_limit"]) == (SHIPPED["job_name"], SHIPPED["sample_limit"])
    assert job["scrape_interval"] == "5s"


def discovered(port: str, tmp_path: Path) -> list[dict[str, str]]:
    """Return the labels that Prometheus gives to a DaemonSet pod with such a port."""
    (job,) = jobs("kubernetes.yml")
    pod = {
        "__meta_kubernetes_pod_container_port_name": port,
        "__meta_kubernetes_pod_node_name": "node-1",
    }
    target = {"targets": ["10.0.0.1:10190"], "labels": pod}
    static = {key: value for key, value in job.items() if key != "kubernetes_sd_configs"}
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump({"scrape_configs": [static | {"static_configs": [target]}]}))
    command = [str(PROMTOOL), "check", "service-discovery", "--timeout=1s", str(path)]
    run = subprocess.run([*command, job["job_name"]], capture_output=True, text=True, check=True)
    kept = [labels for target in json.loads(run.stdout) if (labels := target["labels"])]
    return [{k: v for k, v in labels.items() if not k.startswith("__")} for labels in kept]


def test_a_node_is_an_instance(tmp_path: Path) -> None:
    """Without the operator, too, a series outlives its pod, and other ports are left alone."""
    assert discovered("metrics", tmp_path) == [
        {"job": "tcp-pressure-exporter", "instance": "node-1"}
    ]
    assert discovered("other", tmp_path) == []


def test_the_job_of_the_textfile_asks_for_it_alone(tmp_path: Path) -> None:
    """A real node_exporter answers it with the sample, and nothing from its other collectors."""
    asked, node = jobs("textfile.yml")
    (tmp_path / "tcp-pressure.prom").write_text("tcp_pressure_sockets 1\n")
    query = urlencode(asked["params"], doseq=True)
    _status, page = textfile_page(tmp_path, query, "--collector.loadavg")
    names = set(re.findall(r"^([a-z]\w*)", page, re.MULTILINE))
    assert "tcp_pressure_sockets" in names
    assert "node_load1" not in names
    assert "node_load1" in textfile_page(tmp_path, "", "--collector.loadavg")[1]
    (dropped,) = node["metric_relabel_configs"]
    assert re.fullmatch(dropped["regex"], "tcp_pressure_sockets")
    assert asked["job_name"] == SHIPPED["job_name"]
