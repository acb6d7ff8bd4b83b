"""The Helm chart, made from the kustomize manifests by `make manifests`."""

import json
import tomllib
from pathlib import Path
from typing import Any

import yaml

from deploy.docs_url import docs_url
from deploy.helm.kustomized import OPERATOR_VALUE, Manifest, manifests
from deploy.helm.template import Choice, Expression, render
from deploy.helm.values import Value, values
from deploy.kubernetes.prometheus_rule import DEPLOY, prometheus_rule

NAME = "tcp-pressure-exporter"
FOLDER = Path(__file__).parent / NAME
PROJECT = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]
MADE = "Made of deploy/kubernetes by: make manifests"
LABELS_TEXT = f'(include "{NAME}.labels" . | fromYaml)'
LABELS = Expression(LABELS_TEXT, block=True)
OPERATOR_LABELS = f"(merge {LABELS_TEXT} .Values.prometheusOperator.labels)"
CLUSTER_WIDE = ("Namespace", "PriorityClass")
CONFIGURED = ".Values.config"
CONFIG_FOLDER = f"/etc/{NAME}"
IMAGE = (
    "if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}"
    "{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
    "{{ end"
)
CONDITIONS = {
    "namespace.yaml": ".Values.namespace.create",
    "networkpolicy.yaml": ".Values.networkPolicy.enabled",
    "podmonitor.yaml": OPERATOR_VALUE,
}


def files() -> dict[str, str]:
    """Return the chart's texts by their paths."""
    table = values()
    templates = {f"templates/{name}": _template(name, m) for name, m in manifests().items()}
    return {
        "Chart.yaml": _chart(),
        "values.yaml": _values(table),
        "values.schema.json": json.dumps(_schema(table), indent=2) + "\n",
        "README.md": _readme(table),
        "templates/_labels.tpl": _LABELS,
        "templates/configmap.yaml": _CONFIG_MAP,
        "templates/prometheusrule.yaml": _RULE,
        "files/prometheusrule.yaml": prometheus_rule(DEPLOY / "prometheus" / "rules"),
        **templates,
    }


def _template(name: str, manifest: Manifest) -> str:
    metadata = manifest["metadata"]
    if manifest["kind"] == "Namespace":
        metadata["name"] = Expression(".Release.Namespace")
    elif manifest["kind"] not in CLUSTER_WIDE:
        metadata["namespace"] = Expression(".Release.Namespace")
    if "labels" not in metadata:
        metadata["labels"] = LABELS
    if manifest["kind"] == "DaemonSet":
        _open(manifest)
    elif manifest["kind"] == "PodMonitor":
        metadata["labels"] = Expression(OPERATOR_LABELS, block=True)
    elif manifest["kind"] == "NetworkPolicy":
        (peer,) = manifest["spec"]["ingress"][0]["from"]
        labels = peer["namespaceSelector"]["matchLabels"]
        (key,) = labels
        labels[key] = Expression(".Values.networkPolicy.from | quote")
    text = render(manifest)
    if name in CONDITIONS:
        text = f"{{{{- if {CONDITIONS[name]} }}}}\n{text}{{{{- end }}}}\n"
    return f"{{{{- /* {MADE} */}}}}\n{text}"


def _open(daemon_set: Manifest) -> None:
    """Let values override what the base has, and add what only they can bring."""
    spec = daemon_set["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    rolling = daemon_set["spec"]["updateStrategy"]["rollingUpdate"]
    rolling["maxUnavailable"] = Expression(".Values.maxUnavailable")
    for key in ("nodeSelector", "tolerations"):
        spec[key] = Expression(f".Values.{key}", block=True)
    container["resources"] = Expression(".Values.resources", block=True)
    container["image"] = Expression(IMAGE)
    container["imagePullPolicy"] = Expression(".Values.image.pullPolicy")
    secrets = Expression(".Values.imagePullSecrets", block=True)
    spec["imagePullSecrets"] = Choice(".Values.imagePullSecrets", secrets)
    _configure(daemon_set)
    container["args"].append(Expression(".Values.extraArgs", block=True))


def _configure(daemon_set: Manifest) -> None:
    """Add the configuration file; a change of its text replaces the pods."""
    template = daemon_set["spec"]["template"]
    (container,) = template["spec"]["containers"]
    container["args"].append(Choice(CONFIGURED, f"--config.file={CONFIG_FOLDER}/config.yml"))
    mount = {"name": "config", "mountPath": CONFIG_FOLDER, "readOnly": True}
    container["volumeMounts"].append(Choice(CONFIGURED, mount))
    volume = {"name": "config", "configMap": {"name": NAME}}
    template["spec"]["volumes"].append(Choice(CONFIGURED, volume))
    digest = Expression(".Values.config | sha256sum")
    annotations = json.dumps(template["metadata"]["annotations"])
    merged = f"(merge (fromJson `{annotations}`) .Values.podAnnotations)"
    template["metadata"]["annotations"] = Choice(
        CONFIGURED,
        Expression(f'(merge (dict "checksum/config" ({digest.text})) {merged})', block=True),
        Expression(merged, block=True),
    )


def _chart() -> str:
    chart = {
        "apiVersion": "v2",
        "name": NAME,
        "description": PROJECT["description"],
        "type": "application",
        "version": PROJECT["version"],
        "appVersion": PROJECT["version"],
        "kubeVersion": ">=1.30.0-0",
        "keywords": PROJECT["keywords"],
        "annotations": {"artifacthub.io/license": PROJECT["license"]},
    }
    return f"# {MADE}\n" + yaml.safe_dump(chart, sort_keys=False, width=120)


def _nested(table: tuple[Value, ...]) -> dict[str, list[Value]]:
    """Return the values by the first part of their names."""
    groups: dict[str, list[Value]] = {}
    for value in table:
        groups.setdefault(value.name.partition(".")[0], []).append(value)
    return groups


def _key(value: Value) -> str:
    return value.name.rpartition(".")[2]


def _values(table: tuple[Value, ...]) -> str:
    lines = [f"# {MADE}"]
    for group, members in _nested(table).items():
        inner = "." in members[0].name
        lines += [f"{group}:"] if inner else []
        for value in members:
            text = yaml.safe_dump({_key(value): value.default}, sort_keys=False)
            block = f"# {value.meaning}\n{text}".splitlines()
            lines += [f"  {line}" if inner else line for line in block]
    return "\n".join(lines) + "\n"


def _schema(table: tuple[Value, ...]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for group, members in _nested(table).items():
        described = {_key(v): {"description": v.meaning} | v.schema for v in members}
        properties[group] = _object(described) if "." in members[0].name else described[group]
    # What parent charts set for all of their subcharts.
    properties["global"] = {"type": "object"}
    return {"$schema": "https://json-schema.org/draft-07/schema#", **_object(properties)}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _readme(table: tuple[Value, ...]) -> str:
    rows = "\n".join(f"| `{v.name}` | `{json.dumps(v.default)}` | {v.meaning} |" for v in table)
    return f"{_README}\n## Values\n\n| value | default | meaning |\n|---|---|---|\n{rows}\n"


_LABELS = f"""\
{{{{- define "{NAME}.labels" -}}}}
app.kubernetes.io/name: {NAME}
app.kubernetes.io/version: {{{{ .Chart.AppVersion | quote }}}}
app.kubernetes.io/managed-by: {{{{ .Release.Service }}}}
helm.sh/chart: {{{{ .Chart.Name }}}}-{{{{ .Chart.Version }}}}
{{{{- end }}}}
"""
_CONFIG_MAP = f"""\
{{{{- if {CONFIGURED} }}}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {NAME}
  namespace: {{{{ .Release.Namespace }}}}
  labels:
    {{{{- include "{NAME}.labels" . | nindent 4 }}}}
data:
  config.yml: |
    {{{{- {CONFIGURED} | nindent 4 }}}}
{{{{- end }}}}
"""
_RULE = f"""\
{{{{- if {OPERATOR_VALUE} }}}}
{{{{- $docs := trimSuffix "/" .Values.docsUrl }}}}
{{{{- $rule := .Files.Get "files/prometheusrule.yaml" | replace "{docs_url()}" $docs | fromYaml }}}}
apiVersion: {{{{ $rule.apiVersion }}}}
kind: {{{{ $rule.kind }}}}
metadata:
  name: {{{{ $rule.metadata.name }}}}
  namespace: {{{{ .Release.Namespace }}}}
  labels:
    {{{{- toYaml {OPERATOR_LABELS} | nindent 4 }}}}
spec:
  {{{{- toYaml $rule.spec | nindent 2 }}}}
{{{{- end }}}}
"""
_README = f"""\
<!-- {MADE} -->
# {NAME}

{PROJECT["description"]}.
A DaemonSet in the host's network for Kubernetes 1.30 or later; install it once in a cluster. The
chart is made from the manifests for kustomize in `deploy/kubernetes`. First push the image to a
registry that your nodes can reach.

```sh
kubectl create namespace {NAME}
kubectl label namespace {NAME} pod-security.kubernetes.io/enforce=privileged   # the host's network
helm install {NAME} deploy/helm/{NAME} --namespace {NAME} \\
    --set image.repository=registry.example.org/{NAME} --set prometheusOperator.enabled=true
```

Everything works without privileges except the features, which say what they need. The release's
name changes no other name: rules and dashboards select the exporter by its own.
"""
