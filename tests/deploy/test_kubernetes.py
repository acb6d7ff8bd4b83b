"""What the Kubernetes manifests repeat from other files. Their schemas: tests_ship."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.kubernetes.prometheus_rule import TARGET, prometheus_rule
from tcp_pressure_exporter.settings.options import parse_options
from tcp_pressure_exporter.web.listen import ListenAddress, parse_address
from tests.daemon.test_series_budget import BUDGET
from tests.deploy.rule_files import FOLDER, groups
from tests.sampling.test_namespace_series import documented
from tests.support.labs.prometheus_server import PROMTOOL
from tests.support.places import DEPLOY

KUBERNETES = DEPLOY / "kubernetes"
MONITOR = KUBERNETES / "components" / "prometheus-operator" / "podmonitor.yaml"
TEST = FOLDER / "tests" / "kubernetes.yml"

Manifest = dict[str, Any]


def load(path: Path) -> Manifest:
    found: Manifest = yaml.safe_load(path.read_text())
    return found


def container() -> Manifest:
    manifest = load(KUBERNETES / "base" / "daemonset.yaml")
    (found,) = manifest["spec"]["template"]["spec"]["containers"]
    return dict(found)


def test_the_prometheus_rule_is_made_of_the_rules_files() -> None:
    """It is what `make manifests` writes, with every group once."""
    text = TARGET.read_text()
    assert text == prometheus_rule(FOLDER / "rules")
    assert yaml.safe_load(text)["spec"]["groups"] == [group for _path, group in groups()]


def test_the_monitor_scrapes_as_prometheus_does() -> None:
    """The PodMonitor has the interval and the limit of the Prometheus example."""
    prometheus = load(FOLDER / "prometheus.yml")
    (job,) = prometheus["scrape_configs"]
    monitor = load(MONITOR)["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert endpoint["interval"] == prometheus["global"]["scrape_interval"]
    assert monitor["sampleLimit"] == job["sample_limit"]


def scraped_by_the_operator() -> Manifest:
    """Return the scrape configuration that the operator makes from the PodMonitor.

    The relabelings before ours are its own: generatePodMonitorConfig in pkg/prometheus/promcfg.go.
    """
    monitor = load(MONITOR)["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    label = re.sub(r"\W", "_", monitor["jobLabel"])
    own = [
        {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
        {"source_labels": ["__meta_kubernetes_pod_container_name"], "target_label": "container"},
        {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
        {"target_label": "job", "replacement": "ns/monitor"},
        {"source_labels": [f"__meta_kubernetes_pod_label_{label}"], "target_label": "job"},
        {"target_label": "endpoint", "replacement": endpoint["port"]},
    ]
    names = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
    ours = [{names.get(k, k): v for k, v in rule.items()} for rule in endpoint["relabelings"]]
    pod = {
        "__meta_kubernetes_namespace": "tcp-pressure-exporter",
        "__meta_kubernetes_pod_name": "tcp-pressure-exporter-x7k2p",
        "__meta_kubernetes_pod_node_name": "node-1",
        "__meta_kubernetes_pod_container_name": "exporter",
        f"__meta_kubernetes_pod_label_{label}": "tcp-pressure-exporter",
    }
    target = {"targets": ["10.0.0.1:10190"], "labels": pod}
    return {"job_name": "x", "static_configs": [target], "relabel_configs": [*own, *ours]}


def test_the_rules_are_tested_with_the_labels_that_the_monitor_leaves(tmp_path: Path) -> None:
    """Prometheus relabels a pod to exactly the unit test's labels."""
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump({"scrape_configs": [scraped_by_the_operator()]}))
    command = [str(PROMTOOL), "check", "service-discovery", "--timeout=1s", str(path), "x"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    (found,) = json.loads(run.stdout)
    labels = {k: v for k, v in found["labels"].items() if not k.startswith("__")}
    assert labels == {
        "job": "tcp-pressure-exporter",
        "instance": "node-1",
        "namespace": "tcp-pressure-exporter",
    }
    of_the_exporter = {"netns", "direction"}
    for test in load(TEST)["tests"]:
        for series in test["input_series"]:
            fed = dict(re.findall(r'(\w+)="([^"]*)"', series["series"]))
            assert fed.keys() - of_the_exporter == labels.keys()
            assert {**fed, **labels} == fed or fed["instance"] != "node-1"


def kustomized(overlay: str) -> tuple[Manifest, list[str]]:
    """Return the PodMonitor's limit and the container's arguments, patched as kustomize does.

    Components are applied in order, and a patch finds only what is there by then.
    """
    folder = KUBERNETES / "overlays" / overlay
    monitor: Manifest = {}
    arguments = list(container()["args"])
    for component in load(folder / "kustomization.yaml").get("components", ()):
        made = load(folder / component / "kustomization.yaml")
        if "podmonitor.yaml" in made.get("resources", ()):
            monitor = load(MONITOR)["spec"]
        for patch in made.get("patches", ()):
            for change in yaml.safe_load(patch["patch"]):
                if patch["target"]["kind"] == "DaemonSet" and "/args/" in change["path"]:
                    arguments.append(change["value"])
                if patch["target"]["kind"] == "PodMonitor" and monitor:
                    monitor[change["path"].rpartition("/")[2]] = change["value"]
    return monitor, arguments


@pytest.mark.parametrize("overlay", ["operator", "full"])
def test_a_scrape_of_the_largest_page_is_taken_in(overlay: str) -> None:
    """The limit is above what the overlay's flags let an exporter show, but not far above."""
    monitor, arguments = kustomized(overlay)
    options = parse_options(arguments, {"pools": ""})
    each, _most, _together = documented()
    largest = BUDGET + each * (options.others.most if options.others else 0)
    assert largest <= monitor["sampleLimit"] <= 2 * largest


@pytest.mark.parametrize("address", ["10.0.0.1", "2001:db8::1"])
def test_it_listens_on_the_address_of_its_node(address: str) -> None:
    """It listens on the IPv4 or IPv6 address from the downward API, and on no other."""
    made = container()
    (variable,) = made["env"]
    assert variable["valueFrom"]["fieldRef"]["fieldPath"] == "status.hostIP"
    (argument,) = (a for a in made["args"] if a.startswith("--web.listen-address="))
    given = argument.partition("=")[2].replace(f"$({variable['name']})", address)
    (port,) = made["ports"]
    assert parse_address(given) == ListenAddress(address, port["hostPort"])


def test_the_probes_wait_as_long_as_the_watchdog() -> None:
    """Kubernetes restarts when systemd would: after two minutes without a current sample."""
    unit = KUBERNETES.parent / "systemd" / "tcp-pressure-exporter.service"
    watchdog = re.search(r"^WatchdogSec=(\d+)min$", unit.read_text(), re.MULTILINE)
    probe = container()["livenessProbe"]
    assert watchdog
    assert probe["periodSeconds"] * probe["failureThreshold"] == int(watchdog[1]) * 60
