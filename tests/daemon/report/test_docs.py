"""docs/report.md and docs/status.schema.json agree with the document that the report prints."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tcp_pressure_exporter.pages.json_documents.report import report_json
from tcp_pressure_exporter.verdict.details.remembered import Asked
from tests.daemon.report.process import LOCAL, REMOTE, look
from tests.pages.report.observations import (
    BLIND,
    REFUSING,
    TROUBLE,
    UPSTREAM,
    observation,
    pool_sample,
)
from tests.support.labs.lab import Lab, time_wait_here
from tests.support.places import DOCS

TEXT = (DOCS / "report.md").read_text()
ROW = re.compile(r"^\| (`[\w.\[\]]+`(?:, `[\w.\[\]]+`)*) \| ([\w ]+) \|", re.MULTILINE)
FIELDS = {
    field: kinds.split(" or ")
    for row, kinds in ROW.findall(TEXT)
    for field in re.findall(r"`([^`]+)`", row)
}
DEFINITIONS = json.loads((DOCS / "status.schema.json").read_text())["definitions"]
SHARED = DEFINITIONS["namespace"]
EXAMPLES = [
    json.loads(text) for text in re.findall(r"^```json\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
]
LEFT_OUT = (("canary", "needs X"),)


def fields(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and the type of everything in a document."""
    match value:
        case dict():
            yield path, "object"
            for key, item in value.items():
                yield from fields(item, f"{path}.{key}" if path else key)
        case list():
            yield path, "list"
            for item in value:
                yield from fields(item, f"{path}[]")
        case bool():
            yield path, "boolean"
        case int():
            yield path, "integer"
        case float():
            yield path, "number"
        case str():
            yield path, "string"
        case None:
            yield path, "null"


def versions(schema: Any) -> Iterator[Any]:
    """Yield what a part of the schema may be: its reference, each of several, or itself."""
    if "$ref" in schema:
        yield from versions(DEFINITIONS[schema["$ref"].rpartition("/")[2]])
    elif "oneOf" in schema:
        for one in schema["oneOf"]:
            yield from versions(one)
    else:
        yield schema


def in_schema(path: str) -> list[str]:
    """Return the types that the schema of a namespace has for a field, by this test's names."""
    found = [SHARED]
    for step in path.replace("[]", ".[]").split("."):
        below = [version for one in found for version in versions(one)]
        found = [
            one["items"] if step == "[]" else one["properties"][step]
            for one in below
            if (step == "[]" and "items" in one) or step in one.get("properties", {})
        ]
    kinds = [version.get("type", "string") for one in found for version in versions(one)]
    flat = [kind for one in kinds for kind in ([one] if isinstance(one, str) else one)]
    return ["list" if kind == "array" else kind for kind in flat]


def check(document: Any) -> set[str]:
    """Assert that every field is documented with its type; return the fields."""
    seen = set()
    for path, kind in fields(document):
        if path and not (path.endswith("[]") and kind == "object"):
            allowed = FIELDS.get(path) or in_schema(path)
            assert kind in allowed or (kind == "integer" and "number" in allowed), path
            seen.add(path)
    return seen


def is_own(path: str) -> bool:
    """Return whether a field is at the top level, or not shared with the status page."""
    outermost = re.split(r"[.\[]", path)[0]
    return path == outermost or outermost not in SHARED["properties"]


def test_every_field() -> None:
    """Each field is documented: the page has exactly those that the schema does not."""
    told = observation(TROUBLE, left_out=LEFT_OUT, sample=pool_sample())
    trouble = json.loads(report_json(told))
    asked = Asked("http://127.0.0.1:10190", incidents=("Since 10:02: full.",))
    refusing = json.loads(report_json(replace(observation(REFUSING), asked=asked)))
    gateway = replace(TROUBLE, pressures=(UPSTREAM._replace(clients=(("10.0.0.17", 870),)),))
    translating = json.loads(report_json(observation(gateway)))
    seen = check(trouble) | check(refusing) | check(translating)
    assert {path for path in seen if is_own(path)} == set(FIELDS)


def test_blind() -> None:
    """A document that knows nothing has the documented types."""
    check(json.loads(report_json(observation(BLIND))))


def test_example() -> None:
    """The example is a document."""
    (example,) = EXAMPLES
    assert check(example) >= {"host", "pressures[].owners[].sockets", "findings[].runbook"}


@pytest.mark.usefixtures("netns")
def test_real_documents(small_range: Lab) -> None:
    """What the report prints about real sockets is as documented."""
    for number in range(80):
        pair = small_range.connect(REMOTE, LOCAL)
        if number % 2:
            time_wait_here(pair)
        elif number < 20:
            pair[1].close()
    _code, document = look()
    seen = check(document)
    assert {"pressures[].owners[].process", "close_wait.causes[].cause"} <= seen


def test_time() -> None:
    """The time is the sample's, in UTC."""
    document = json.loads(report_json(observation(TROUBLE)))
    assert document["time"] == "2026-11-21T03:12:44Z"


def test_hostile_text() -> None:
    """Text in the document prints as it is, and the line is ASCII."""
    line = report_json(observation(TROUBLE, host="a\x1b[31m\x7f\n\udc80→"))
    assert line.isascii()
    assert json.loads(line)["host"] == r"a\x1b[31m\x7f\n\udc80→"
