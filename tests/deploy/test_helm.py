"""The Helm chart: made from the kustomize manifests, and current. Rendering: tests_ship."""

import copy
import json
from typing import Any

import fastjsonschema
import pytest
import yaml

from deploy.helm.chart import FOLDER, files
from deploy.helm.template import Choice, Expression, render

TEXTS = files()


@pytest.mark.parametrize("name", TEXTS)
def test_current(name: str) -> None:
    """Each file is what `make manifests` writes."""
    assert (FOLDER / name).read_text() == TEXTS[name]


def test_nothing_else_is_there() -> None:
    """No generated file is left over."""
    found = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}
    assert found == set(TEXTS)


def schema() -> Any:
    return json.loads(TEXTS["values.schema.json"])


def defaults() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(TEXTS["values.yaml"])
    return read


def test_the_schema_fits_the_values() -> None:
    """The defaults pass the schema; a misspelt name, at any depth, does not."""
    check = fastjsonschema.compile(schema())
    check(defaults())
    for group in (None, "image", "features"):
        misspelt = copy.deepcopy(defaults())
        (misspelt if group is None else misspelt[group])["nat_"] = True
        with pytest.raises(fastjsonschema.JsonSchemaException):
            check(misspelt)


def test_the_readme_has_every_value() -> None:
    """The README's table has a row for each value, with its default."""
    for name, default in defaults().items():
        grouped = schema()["properties"][name].get("additionalProperties") is False
        for key, value in default.items() if grouped else [("", default)]:
            row = f"| `{name}{'.' if key else ''}{key}` | `{json.dumps(value)}` |"
            assert row in TEXTS["README.md"]


def test_template() -> None:
    """A worked example: an expression, a choice of two, and a list that may be empty."""
    manifest = {
        "name": Expression(".Release.Name"),
        "user": Choice(".Values.root", 0, 65532),
        "group": Choice(".Values.root", 0, 65532),
        "labels": Expression(".Values.labels", block=True),
        "ports": [{"port": 80, "name": "http"}, Choice(".Values.tls", {"port": 443})],
        "add": [Choice("or .Values.a .Values.b", "X"), Choice(".Values.b", "Y")],
        "more": [Expression(".Values.more", block=True)],
    }
    assert (
        render(manifest)
        == """\
name: {{ .Release.Name }}
{{- if .Values.root }}
user: 0
group: 0
{{- else }}
user: 65532
group: 65532
{{- end }}
labels:
  {{- toYaml .Values.labels | nindent 2 }}
ports:
  - port: 80
    name: http
{{- if .Values.tls }}
  - port: 443
{{- end }}
{{- if or .Values.a .Values.b }}
add:
{{- if or .Values.a .Values.b }}
  - X
{{- end }}
{{- if .Values.b }}
  - Y
{{- end }}
{{- else }}
add: []
{{- end }}
more:
  {{- with .Values.more }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
"""
    )
