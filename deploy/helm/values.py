"""What users of the chart can set: the one table behind values, schema and README."""

from dataclasses import dataclass
from typing import Any

from deploy.docs_url import docs_url
from deploy.helm.kustomized import features, images, manifests

TEXT: dict[str, Any] = {"type": "string"}
SWITCH: dict[str, Any] = {"type": "boolean"}
MAP: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}


@dataclass(frozen=True, slots=True)
class Value:
    """One value: its dotted name, its default, what it means, and its JSON schema."""

    name: str
    default: Any
    meaning: str
    schema: dict[str, Any]


def values() -> tuple[Value, ...]:
    """Return the table. Defaults are those of the kustomize manifests."""
    found = manifests()
    pod = found["daemonset.yaml"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    update = found["daemonset.yaml"]["spec"]["updateStrategy"]["rollingUpdate"]
    return (
        Value("image.repository", images()["name"], "Where your nodes pull the image from.", TEXT),
        Value("image.tag", "", "Its tag; if empty, the chart's appVersion.", TEXT),
        Value("image.digest", "", "`sha256:...`; takes precedence over the tag.", TEXT),
        Value("image.pullPolicy", container["imagePullPolicy"], "When it is pulled.", TEXT),
        Value("imagePullSecrets", [], "Secrets for the registry, as in a pod.", _list("object")),
        *(
            Value(f"features.{name}", False, meaning, SWITCH)  # noqa: FBT003  # a default
            for name, meaning in features().items()
        ),
        Value("config", "", "The text of the configuration file (`--config.file`).", TEXT),
        Value("extraArgs", [], "More flags of the exporter.", _list("string")),
        Value(
            "prometheusOperator.enabled",
            False,  # noqa: FBT003
            "PodMonitor and PrometheusRule, for clusters with the Prometheus operator.",
            SWITCH,
        ),
        Value("prometheusOperator.labels", {}, "Labels that the operator selects them by.", MAP),
        Value(
            "docsUrl",
            docs_url(),
            "Where you keep the documents: alerts link there. Each exporter also serves them, at"
            " `http://NODE_IP:10190/docs`.",
            {"type": "string", "pattern": "^https?://"},
        ),
        Value(
            "networkPolicy.enabled",
            True,  # noqa: FBT003
            "Allow scrapes from one namespace and nothing else, if the network plugin applies it.",
            SWITCH,
        ),
        Value("networkPolicy.from", _scrapers(found), "The namespace that may scrape.", TEXT),
        Value(
            "namespace.create",
            False,  # noqa: FBT003
            "Create the release's namespace, and allow pods in the host's network there.",
            SWITCH,
        ),
        Value("resources", container["resources"], "As in a container.", {"type": "object"}),
        Value("nodeSelector", pod["nodeSelector"], "As in a pod.", MAP),
        Value(
            "tolerations",
            pod["tolerations"],
            "As in a pod; by default all taints.",
            _list("object"),
        ),
        Value(
            "maxUnavailable",
            update["maxUnavailable"],
            "How many nodes an upgrade restarts at a time.",
            {"type": ["string", "integer"]},
        ),
        Value("podAnnotations", {}, "More annotations of the pods.", MAP),
    )


def _list(kind: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": kind}}


def _scrapers(found: dict[str, Any]) -> str:
    (rule,) = found["networkpolicy.yaml"]["spec"]["ingress"]
    (peer,) = rule["from"]
    (name,) = peer["namespaceSelector"]["matchLabels"].values()
    return str(name)
