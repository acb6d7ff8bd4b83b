"""The Kubernetes manifests, as kustomize assembles them, checked against their schemas."""

import copy
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.snippets import snippets
from tests_ship.commands import output
from tests_ship.places import DEPLOY, IMAGE, PROGRAMS, ROOT, SHIP

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its own deprecated use of pydantic
    from cloudcoil.models.prometheus_operator.v1 import PodMonitor, PrometheusRule

KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
OPERATORS: dict[str, Any] = {"PodMonitor": PodMonitor, "PrometheusRule": PrometheusRule}
VALIDATE = ROOT / ".venv" / "bin" / "kubernetes-validate"
RELEASES = ["1.30", "1.37"]  # the oldest promised, and the newest known

Manifest = dict[str, Any]


@cache
def manifests(folder: str) -> dict[str, Manifest]:
    """Return what `kubectl apply -k` would send, by kind."""
    text = output(SHIP / "kubectl", "kustomize", KUBERNETES / folder)
    documents: list[Manifest] = list(yaml.safe_load_all(text))
    by_kind = {document["kind"]: document for document in documents}
    assert len(by_kind) == len(documents)
    return by_kind


def pod(folder: str) -> dict[str, Any]:
    spec: dict[str, Any] = manifests(folder)["DaemonSet"]["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_accepts_them(overlay: str, release: str, tmp_path: Path) -> None:
    """Kubernetes knows every field, and each has a value of its type."""
    found = manifests(f"overlays/{overlay}")
    core = [document for kind, document in found.items() if kind not in OPERATORS]
    assert {"Namespace", "DaemonSet", "Service", "NetworkPolicy"} <= {d["kind"] for d in core}
    path = tmp_path / "manifests.yaml"
    path.write_text(yaml.safe_dump_all(core))
    output(VALIDATE, "--strict", "--kubernetes-version", release, path)


def test_a_misspelt_field_is_refused(tmp_path: Path) -> None:
    """The check is strict: what Kubernetes would silently drop is an error here."""
    document = copy.deepcopy(manifests("base")["DaemonSet"])
    document["spec"]["template"]["spec"]["hostNetwrk"] = True
    path = tmp_path / "manifests.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(AssertionError, match="hostNetwrk"):
        output(VALIDATE, "--strict", path)


@pytest.mark.parametrize("overlay", ["operator", "full"])
@pytest.mark.parametrize("kind", OPERATORS)
def test_the_operator_accepts_them(overlay: str, kind: str) -> None:
    """Nothing is lost in passing through the operator's own model: it knows every field."""
    document = manifests(f"overlays/{overlay}")[kind]
    model = OPERATORS[kind].model_validate(document)
    assert model.model_dump(mode="json", by_alias=True, exclude_unset=True) == document


def test_prometheus_accepts_the_rules(tmp_path: Path) -> None:
    """The rules in the PrometheusRule are ones that Prometheus itself loads."""
    rules = tmp_path / "rules.yml"
    rules.write_text(yaml.safe_dump(manifests("overlays/operator")["PrometheusRule"]["spec"]))
    assert "SUCCESS" in output(PROGRAMS / "promtool", "check", "rules", rules)


def test_the_base_needs_no_rights() -> None:
    """An unprivileged user, no capability, a read-only root; only the network is the host's."""
    spec = pod("base")
    (container,) = spec["containers"]
    assert spec["hostNetwork"]
    assert "hostPID" not in spec
    assert spec["securityContext"]["runAsNonRoot"]
    assert not spec["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": []},
    }
    assert all(mount["readOnly"] for mount in container["volumeMounts"])


def test_everything_gets_its_rights() -> None:
    """Components add up: their capabilities, the flag, the user that capabilities apply to."""
    spec = pod("overlays/full")
    (container,) = spec["containers"]
    added = set(container["securityContext"]["capabilities"]["add"])
    names = {"SYS_PTRACE", "DAC_READ_SEARCH"}
    assert added == names | {"NET_ADMIN", "BPF", "PERFMON", "SYS_ADMIN"}
    assert spec["hostPID"]
    assert spec["securityContext"]["runAsUser"] == 0
    assert "--collector.netns" in container["args"]


def test_the_overlay_of_the_document(tmp_path: Path) -> None:
    """What docs/deployment.md shows works next to a checkout, exactly as written."""
    checkout, site = tmp_path / "tcp-pressure-exporter", tmp_path / "site"
    checkout.mkdir()
    site.mkdir()
    output("cp", "--recursive", DEPLOY, checkout)
    (site / "kustomization.yaml").write_text(snippets("deployment.md")["kustomization.yaml"])
    documents = list(yaml.safe_load_all(output(SHIP / "kubectl", "kustomize", site)))
    found = {document["kind"]: document for document in documents}
    (container,) = found["DaemonSet"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"registry.example.org/{IMAGE}"
    for kind in OPERATORS:
        assert found[kind]["metadata"]["labels"]["release"] == "kube-prometheus-stack"


@pytest.mark.parametrize(("overlay", "limit"), [("operator", 1000), ("full", 5000)])
def test_the_limit_of_samples_follows_the_namespaces(overlay: str, limit: int) -> None:
    """If other namespaces are watched, scrapes may be larger; tests/deploy says by how much."""
    assert manifests(f"overlays/{overlay}")["PodMonitor"]["spec"]["sampleLimit"] == limit


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_image_is_of_this_version(overlay: str) -> None:
    """The DaemonSet runs the image of its own version."""
    (container,) = pod(f"overlays/{overlay}")["containers"]
    assert container["image"] == IMAGE


@pytest.mark.parametrize("overlay", ["operator", "full"])
def test_the_service_and_the_monitor_find_the_pods(overlay: str) -> None:
    """Their selectors and port are those of the DaemonSet's pods."""
    found = manifests(f"overlays/{overlay}")
    template = found["DaemonSet"]["spec"]["template"]
    labels = template["metadata"]["labels"]
    monitor = found["PodMonitor"]["spec"]
    assert found["Service"]["spec"]["selector"] == labels
    assert monitor["selector"]["matchLabels"] == labels
    assert labels[monitor["jobLabel"]] == "tcp-pressure-exporter"  # the rules' job
    ports = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
    assert {endpoint["port"] for endpoint in monitor["podMetricsEndpoints"]} == ports
