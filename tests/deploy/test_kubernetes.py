"""What the manifests for Kubernetes repeat of other files. Their schemas: tests_ship."""

import re

import yaml

from deploy.kubernetes.prometheus_rule import TARGET, prometheus_rule
from tests.deploy.rule_files import FOLDER, groups
from tests.support.places import DEPLOY

KUBERNETES = DEPLOY / "kubernetes"


def test_the_prometheus_rule_is_made_of_the_rules_files() -> None:
    """It is what `make manifests` writes, with every group once."""
    text = TARGET.read_text()
    assert text == prometheus_rule(FOLDER / "rules")
    assert yaml.safe_load(text)["spec"]["groups"] == [group for _path, group in groups()]


def test_the_monitor_scrapes_as_prometheus_does() -> None:
    """The PodMonitor has the interval and the limit of the example for Prometheus."""
    prometheus = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    (job,) = prometheus["scrape_configs"]
    path = KUBERNETES / "components" / "prometheus-operator" / "podmonitor.yaml"
    monitor = yaml.safe_load(path.read_text())["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert endpoint["interval"] == prometheus["global"]["scrape_interval"]
    assert monitor["sampleLimit"] == job["sample_limit"]


def test_the_probes_wait_as_long_as_the_watchdog() -> None:
    """Kubernetes restarts what systemd would restart: two minutes without a current sample."""
    unit = KUBERNETES.parent / "systemd" / "tcp-pressure-exporter.service"
    watchdog = re.search(r"^WatchdogSec=(\d+)min$", unit.read_text(), re.MULTILINE)
    manifest = yaml.safe_load((KUBERNETES / "base" / "daemonset.yaml").read_text())
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    probe = container["livenessProbe"]
    assert watchdog
    assert probe["periodSeconds"] * probe["failureThreshold"] == int(watchdog[1]) * 60
