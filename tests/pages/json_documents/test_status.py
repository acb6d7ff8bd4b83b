"""The JSON document is what its schema says, and says what is known."""

import json
from dataclasses import replace
from typing import Any

import fastjsonschema
import pytest

from tcp_pressure_exporter.pages.json_documents.status import status_json
from tcp_pressure_exporter.pages.snapshot import Snapshot
from tcp_pressure_exporter.sample.namespaces import Census, Elsewhere
from tcp_pressure_exporter.verdict.past.history import SeriesKey
from tests.pages.status.snapshots import (
    BROKEN_HOST,
    CALM_HOST,
    FULL_HOST,
    LEAKY_HOST,
    PROXY_HOST,
    hour_of,
    snapshot,
)
from tests.support.places import DOCS

SCHEMA = json.loads((DOCS / "status.schema.json").read_text())
POOL = "10.77.0.1 → 10.77.0.2:8080"


def valid(text: str | bytes) -> Any:
    """Return a document after its schema has accepted it."""
    found = json.loads(text)
    fastjsonschema.compile(SCHEMA)(found)
    return found


def document(known: Snapshot) -> Any:
    return valid(status_json(known))


def test_trouble() -> None:
    """The worst comes first, with its owners, its forecast and what to do."""
    found = document(snapshot(CALM_HOST, replace(PROXY_HOST, netns="blue")))
    assert (found["host"], found["time"], found["current"]) == (
        "edge-1",
        "2026-11-20T18:19:11Z",
        True,
    )
    assert found["verdict"] == "critical"
    assert found["sentence"].startswith(
        f"Outbound pool {POOL} is 91 % full and will be full in 41 s"
    )
    assert [one["netns"] for one in found["namespaces"]] == ["blue", "host"]
    worst = found["namespaces"][0]
    assert worst["pressures"][0]["name"] == POOL
    assert worst["pressures"][0]["owners"][0]["service"] == "nginx.service"
    assert worst["actions"][0]["runbook"] == "docs/runbooks/pools.md#tcppressurepoolhigh"
    assert {"direction": "outbound", "count": 41, "unlisted_ports_used": 730}.items() <= worst[
        "pools"
    ][0].items()
    (waiting,) = [one for one in worst["sockets"] if one["state"] == "time_wait"]
    assert (waiting["ipv4"], waiting["ipv6"]) == (25_990, 0)


def test_history() -> None:
    """A history keeps its gaps, and ratios have four digits."""
    key = SeriesKey("host", "outbound", POOL)
    found = document(snapshot(PROXY_HOST, lines={key: [0.123456, None, 0.5]}))
    assert found["namespaces"][0]["pressures"][0]["history"] == [0.1235, None, 0.5]


@pytest.mark.parametrize("host", [CALM_HOST, LEAKY_HOST, BROKEN_HOST, FULL_HOST])
def test_hosts(host: Any) -> None:
    """Whatever a host shows, the document fits its schema, histories included."""
    document(snapshot(host, lines=hour_of(host)))


def test_nothing_stale() -> None:
    """Data that is not current is left out, except for when it was sampled."""
    found = document(replace(snapshot(PROXY_HOST), current=False))
    assert (found["current"], found["verdict"], found["namespaces"]) == (False, "unknown", [])
    assert found["time"] == "2026-11-20T18:19:11Z"


def test_before_the_first_sample() -> None:
    """Before the first sample the document says so."""
    found = document(replace(snapshot(), sample=None, current=False))
    assert (found["verdict"], found["time"]) == ("unknown", None)
    assert found["sentence"] == "No sample has been taken yet."
    assert found["exporter"]["interval_seconds"] is None


def test_exporter() -> None:
    """The exporter reports its version, settings, other namespaces and what it lacks."""
    known = snapshot(CALM_HOST)
    assert known.sample is not None
    beyond = (("process names", "ended early"),)
    sample = replace(
        known.sample, census=Census(sampled=2, quiet=3), elsewhere=Elsewhere(4), left_out=beyond
    )
    exporter = document(replace(known, sample=sample, left_out=(("canary", "needs X"),)))[
        "exporter"
    ]
    assert exporter["version"] == "1.2.3"
    assert exporter["settings"] == {"--sample.interval": "5 s", "groups": "lb"}
    assert exporter["other_namespaces"]["quiet"] == 3
    assert exporter["other_namespaces"]["not_looked_at"] == 4
    assert exporter["left_out"] == [
        {"feature": "canary", "reason": "needs X"},
        {"feature": "other network namespaces", "reason": "4 not looked at"},
        {"feature": "process names", "reason": "ended early"},
    ]


def test_namespaces_that_nobody_looked_at() -> None:
    """Only the sentence about the exporter's own namespace says that there are others."""
    known = snapshot(CALM_HOST, replace(CALM_HOST, netns="blue"))
    assert known.sample is not None
    found = document(replace(known, sample=replace(known.sample, elsewhere=Elsewhere(4))))
    assert found["sentence"] == (
        "All is calm here: nothing is near its limit. Not looked at: 4 other network namespaces."
    )
    sentences = [one["sentence"] for one in found["namespaces"]]
    assert sentences == [found["sentence"], "All is calm: nothing is near its limit."]


@pytest.mark.parametrize("parser", ["compiled", "readable", "portable"])
def test_parser(parser: str) -> None:
    """Whatever counts the sockets, psutil too, the document fits its schema."""
    known = snapshot(CALM_HOST)
    running = replace(known.exporter, parser=parser)
    assert document(replace(known, exporter=running))["exporter"]["parser"] == parser


def test_hostile_text() -> None:
    """The document is ASCII, and its text is printable."""
    text = status_json(replace(snapshot(CALM_HOST), host="a\x1b[31m\u202e\udc80→")).decode("ascii")
    assert json.loads(text)["host"] == r"a\x1b[31m\u202e\udc80→"
