"""The Helm chart, as helm renders it: the same as kustomize's result, and valid by the schemas."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.docs_url import docs_url
from tests_ship.commands import output
from tests_ship.places import DEPLOY, SHIP
from tests_ship.test_kubernetes import OPERATORS, OVERLAYS, RELEASES, VALIDATE, manifests

NAME = "tcp-pressure-exporter"
HELM = SHIP / "helm"
CHART = DEPLOY / "helm" / NAME
# The values with the same effect as each component.
VALUES = {
    "process-names": "features.processNames",
    "nat": "features.nat",
    "bpf": "features.bpf",
    "namespaces": "features.namespaces",
    "prometheus-operator": "prometheusOperator.enabled",
}
COMPONENTS = sorted(path.name for path in (DEPLOY / "kubernetes" / "components").iterdir())
ALL = ("namespace.create=true", *(f"{value}=true" for value in VALUES.values()))

VARIANTS: dict[str, tuple[str, ...]] = {
    "none": (),
    "all": ALL,
    "other": (
        "image.digest=sha256:00",
        "extraArgs={--log.level=debug}",
        "networkPolicy.enabled=false",
    ),
}
each_variant = pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)

Manifest = dict[str, Any]


def rendered(*settings: str, config: str = "") -> dict[str, Manifest]:
    """Return what `helm install` would send, by kind."""
    flags = [f"--set={setting}" for setting in settings]
    if config:
        flags.append(f"--set-string=config={escaped(config)}")
    where = (f"--namespace={NAME}", "--kube-version=1.35")
    text = output(HELM, "template", NAME, CHART, *where, *flags)
    documents: list[Manifest] = list(yaml.safe_load_all(text))
    by_kind = {document["kind"]: document for document in documents if document}
    assert len(by_kind) == len([document for document in documents if document])
    return by_kind


def escaped(text: str) -> str:
    """Keep helm from reading lists and braces in a value."""
    return re.sub(r"([,{}])", r"\\\1", text)


def compared(found: dict[str, Manifest]) -> dict[str, Manifest]:
    """Leave out what Helm adds (the release's labels) and the order of capabilities."""
    for kind, document in found.items():
        if kind != "Namespace":
            document["metadata"].pop("labels", None)
        if kind == "DaemonSet":
            (container,) = document["spec"]["template"]["spec"]["containers"]
            capabilities = container["securityContext"]["capabilities"]
            capabilities["add"] = sorted(set(capabilities["add"]))
    return found


def kustomized(folder: Path, *components: str) -> dict[str, Manifest]:
    """Return what kustomize makes of the base with these components."""
    base = DEPLOY / "kubernetes"
    copy = folder / "kubernetes"
    output("cp", "--recursive", base, copy)
    overlay = copy / "overlays" / "one"
    overlay.mkdir()
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAME,
        "resources": ["../../base"],
        "components": [f"../../components/{name}" for name in components],
    }
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    text = output(SHIP / "kubectl", "kustomize", overlay)
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def test_every_component_has_a_value() -> None:
    """Whatever kustomize can add, a value of the chart can."""
    assert sorted(VALUES) == COMPONENTS


@pytest.mark.parametrize("component", COMPONENTS)
def test_each_component_is_the_same(component: str, tmp_path: Path) -> None:
    """A value of the chart does what its component does to the manifests."""
    by_helm = compared(rendered("namespace.create=true", f"{VALUES[component]}=true"))
    assert by_helm == compared(kustomized(tmp_path, component))


@pytest.mark.parametrize(
    ("overlay", "settings"),
    [
        ("minimal", ("namespace.create=true",)),
        ("operator", ("namespace.create=true", "prometheusOperator.enabled=true")),
        ("full", ALL),
    ],
)
def test_each_overlay_is_the_same(overlay: str, settings: tuple[str, ...]) -> None:
    """Helm and kustomize send the same to a cluster."""
    by_kustomize = yaml.safe_load(yaml.safe_dump(manifests(f"overlays/{overlay}")))
    assert compared(rendered(*settings)) == compared(by_kustomize)
    assert overlay in OVERLAYS


@each_variant
def test_helm_lint(settings: tuple[str, ...]) -> None:
    """Helm's own check has no complaint, nor even a warning."""
    flags = [f"--set={setting}" for setting in settings]
    said = output(HELM, "lint", "--strict", CHART, *flags)
    assert "WARNING" not in said


@pytest.mark.parametrize("release", RELEASES)
@each_variant
def test_kubernetes_accepts_them(settings: tuple[str, ...], release: str, tmp_path: Path) -> None:
    """Kubernetes knows every field, and each has a value of its type."""
    found = rendered(*settings, config="pools: {top: 5}")
    core = [document for kind, document in found.items() if kind not in OPERATORS]
    path = tmp_path / "manifests.yaml"
    path.write_text(yaml.safe_dump_all(core))
    output(VALIDATE, "--strict", "--kubernetes-version", release, path)


@pytest.mark.parametrize("setting", ["feature.nat=true", "features.nat=yes", "image.tags=1"])
def test_a_wrong_value_is_refused(setting: str) -> None:
    """A misspelt value, or one of the wrong type, is an error, not ignored."""
    with pytest.raises(AssertionError, match=r"(?i)schema"):
        rendered(setting)


def test_configuration() -> None:
    """The text becomes the file that the exporter reads; a changed text replaces the pods."""
    one, other = (rendered(config=f"pools: {{top: {top}}}") for top in (5, 6))
    assert one["ConfigMap"]["data"] == {"config.yml": "pools: {top: 5}\n"}
    pods = [found["DaemonSet"]["spec"]["template"] for found in (one, other)]
    (container,) = pods[0]["spec"]["containers"]
    assert f"--config.file=/etc/{NAME}/config.yml" in container["args"]
    assert pods[0]["metadata"]["annotations"] != pods[1]["metadata"]["annotations"]


@pytest.mark.parametrize("end", ["", "/"])
def test_documents(end: str) -> None:
    """One value makes every alert link to where a site keeps its documents, and changes no more."""
    site = "http://exporter-1.example.com:10190/docs"
    operator = "prometheusOperator.enabled=true"
    shipped = rendered(operator)["PrometheusRule"]["spec"]
    moved = rendered(operator, f"docsUrl={site}{end}")["PrometheusRule"]["spec"]
    placeholder = docs_url()
    assert yaml.safe_dump(moved).count(site) == yaml.safe_dump(shipped).count(placeholder) > 30
    assert yaml.safe_load(json.dumps(shipped).replace(placeholder, site)) == moved


def test_image_and_labels() -> None:
    """A digest overrides the tag; the operator finds its objects by the labels it wants."""
    image = ("image.repository=r.example/x", "image.digest=sha256:00")
    found = rendered(*image, *ALL, "prometheusOperator.labels.release=p")
    (container,) = found["DaemonSet"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "r.example/x@sha256:00"
    for kind in OPERATORS:
        assert found[kind]["metadata"]["labels"]["release"] == "p"
