"""What kustomize would assemble, with a choice wherever a component changes it.

Knows as much of kustomize as the manifests need, and fails on anything else: a test compares what
Helm and kustomize make of them.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deploy.helm.template import Choice, Node

KUBERNETES = Path(__file__).parents[1] / "kubernetes"
OPERATOR = "prometheus-operator"
OPERATOR_VALUE = ".Values.prometheusOperator.enabled"

Manifest = dict[str, Node]


def features() -> dict[str, str]:
    """Return the comment of each component that is a feature, by the value that turns it on."""
    folders = sorted(path for path in (KUBERNETES / "components").iterdir() if path.is_dir())
    return {_value(path.name): _head(path) for path in folders if path.name != OPERATOR}


def manifests() -> dict[str, Manifest]:
    """Return the manifests of the base and of the operator's component, by file name."""
    base = KUBERNETES / "base"
    found = dict(_resources(base)) | dict(_resources(KUBERNETES / "components" / OPERATOR))
    for pairs in _kustomization(base)["labels"]:
        for manifest in found.values():
            _select(manifest, pairs["pairs"])
    for folder in sorted((KUBERNETES / "components").iterdir()):
        for patch in _kustomization(folder).get("patches", []):
            (target,) = (m for m in found.values() if m["kind"] == patch["target"]["kind"])
            for operation in yaml.safe_load(patch["patch"]):
                _apply(target, operation, f".Values.features.{_value(folder.name)}")
    return found


def images() -> dict[str, str]:
    """Return the base's image: its name and tag."""
    (image,) = _kustomization(KUBERNETES / "base")["images"]
    return {"name": image["name"], "tag": image["newTag"]}


def _kustomization(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return read


def _head(folder: Path) -> str:
    """Return the comment at the head of a component."""
    lines = (folder / "kustomization.yaml").read_text().splitlines()
    comment = [line.removeprefix("# ") for line in lines if line.startswith("#")]
    return " ".join(comment)


def _value(component: str) -> str:
    first, *others = component.split("-")
    return first + "".join(word.capitalize() for word in others)


def _resources(folder: Path) -> Iterator[tuple[str, Manifest]]:
    for name in _kustomization(folder)["resources"]:
        if name != "prometheusrule.yaml":  # a file of the chart, as it has braces of its own
            yield name, yaml.safe_load((folder / name).read_text())


def _select(manifest: Manifest, pairs: dict[str, str]) -> None:
    """Add the labels to selectors and pods, as `includeSelectors` and `includeTemplates` do.

    An object without labels gets the chart's, which include this.
    """
    if "labels" in manifest["metadata"]:
        manifest["metadata"]["labels"] |= pairs
    spec = manifest.get("spec", {})
    match manifest["kind"]:
        case "DaemonSet":
            spec["selector"] = {"matchLabels": dict(pairs)}
            spec["template"]["metadata"]["labels"] = dict(pairs)
        case "Service":
            spec["selector"] = dict(pairs)


def _apply(manifest: Manifest, operation: dict[str, Any], condition: str) -> None:
    """Make the effect of the JSON patch (RFC 6902) depend on the condition."""
    *way, last = operation["path"].removeprefix("/").split("/")
    parent: Any = manifest
    for step in way:
        parent = parent[int(step)] if isinstance(parent, list) else parent[step]
    node = copy.deepcopy(operation["value"])
    if operation["op"] == "add" and last == "-":
        _append(parent, node, condition)
    elif operation["op"] in {"add", "replace"} and isinstance(parent, dict):
        parent[last] = _either(parent.get(last), node, condition)
    else:
        raise ValueError(f"cannot make a template of {operation}")


def _append(nodes: list[Node], node: Node, condition: str) -> None:
    """Add an entry that two components may both add."""
    for at, known in enumerate(nodes):
        if isinstance(known, Choice) and known.node == node:
            nodes[at] = Choice(f"or {known.condition.removeprefix('or ')} {condition}", node)
            return
    nodes.append(Choice(condition, node))


def _either(before: Node, node: Node, condition: str) -> Node:
    if not isinstance(before, Choice):
        return Choice(condition, node, before)
    if before.node != node:
        raise ValueError(f"two components disagree: {before.node} and {node}")
    conditions = before.condition.removeprefix("or ")
    return Choice(f"or {conditions} {condition}", node, before.otherwise)
