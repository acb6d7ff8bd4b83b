"""What a report takes from a status document, and what it refuses."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.kernel import Identity
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pages.json_documents.remembered import parse_remembered
from tcp_pressure_exporter.pages.json_documents.status import status_json
from tcp_pressure_exporter.pages.snapshot import Snapshot
from tests.pages.status.snapshots import CALM_HOST, EXPORTER, PROXY_HOST, snapshot

URL = "http://127.0.0.1:10190"
POOL = "10.77.0.1 → 10.77.0.2:8080"
HERE = Identity("0123456789abcdef", 4026531840)


def known(**changes: Any) -> Snapshot:
    exporter = replace(EXPORTER, identity=HERE)
    host = snapshot(replace(PROXY_HOST, netns="host"), replace(CALM_HOST, netns="blue"))
    return replace(host, exporter=exporter, **changes)


def document() -> Any:
    return json.loads(status_json(known()))


def test_what_is_taken() -> None:
    """The owners of each resource in the exporter's own namespace are taken, with their figures."""
    found = parse_remembered(status_json(known()), URL)
    assert found.identity == HERE
    (first, *_) = found.owners["outbound", POOL]
    assert first.owner == Owner("nginx.service", "nginx")
    assert (first.sockets, first.told_by) == (298, URL)


def test_other_namespaces() -> None:
    """Data about other namespaces is not used: their pools may have the same names."""
    other = document()
    other["exporter"]["netns"] = "blue"
    assert ("outbound", POOL) not in parse_remembered(json.dumps(other).encode(), URL).owners


def test_incidents() -> None:
    """The newest three incidents of its own namespace are taken, as it words them."""
    found = document()
    found["incidents"] = [
        {"netns": netns, "words": f"{netns} {number}"}
        for number in range(4)
        for netns in ("host", "blue")
    ]
    told = parse_remembered(json.dumps(found).encode(), URL)
    assert told.incidents == ("host 0", "host 1", "host 2")


def test_too_old() -> None:
    """A document without a current sample says so."""
    for old in (known(current=False), known(sample=None, current=False)):
        with pytest.raises(ValueError, match="no current sample"):
            parse_remembered(status_json(old), URL)


def spoiled(change: Callable[[Any], None]) -> bytes:
    found = document()
    change(found)
    return json.dumps(found).encode()


def own(found: Any) -> Any:
    (namespace,) = [one for one in found["namespaces"] if one["netns"] == "host"]
    return namespace


def owner(found: Any) -> Any:
    return own(found)["pressures"][0]["owners"][0]


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("exporter"),
        lambda d: d["exporter"].pop("boot"),
        lambda d: d["exporter"].update(boot=None),
        lambda d: d["exporter"].update(boot="x" * 1_000),
        lambda d: d["exporter"].update(network_namespace="1"),
        lambda d: d["exporter"].update(network_namespace=True),
        lambda d: d["exporter"].update(network_namespace=10**400),
        lambda d: d.update(incidents=[7]),
        lambda d: d.update(namespaces={}),
        lambda d: d.update(namespaces=[7]),
        lambda d: own(d).update(pressures=None),
        lambda d: own(d).update(pressures=[own(d)["pressures"][0]] * 2_000),
        lambda d: own(d)["pressures"][0].update(owners=[owner(d)] * 100),
        lambda d: own(d)["pressures"][0].update(name=None),
        lambda d: owner(d).update(service=["nginx"]),
        lambda d: owner(d).update(process="n" * 1_000),
        lambda d: owner(d).update(sockets=-1),
        lambda d: owner(d).update(sockets=1.5),
        lambda d: owner(d).update(sockets=1e400),
        lambda d: owner(d).update(last_seen_seconds_ago=1e9),
        lambda d: owner(d).update(last_seen_seconds_ago=-1),
        lambda d: owner(d).update(closes_share=2),
        lambda d: owner(d).update(closes="many"),
        lambda d: owner(d).pop("refused"),
        lambda d: d.update(incidents=[{"netns": "host", "words": "x" * 5_000}]),
        lambda d: d.update(incidents=[{"netns": "host"}]),
    ],
)
def test_refused(change: Callable[[Any], None]) -> None:
    """A document with anything wrong in the parts that are read is refused as a whole."""
    with pytest.raises(ValueError, match="no status document"):
        parse_remembered(spoiled(change), URL)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b"null", b"\xff\xfe", b"[" * 100_000, b'{"current": NaN}'],
)
def test_no_document(body: bytes) -> None:
    """Anything but such a document is refused, however deep or broken."""
    with pytest.raises(ValueError, match="no status document"):
        parse_remembered(body, URL)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["service", "process", "sockets", "last_seen_seconds_ago", "closes"])


@given(KEYS, JSON)
def test_any_value(key: str, value: Any) -> None:
    """Any value is either refused or within its bounds."""
    try:
        found = parse_remembered(spoiled(lambda d: owner(d).update({key: value})), URL)
    except ValueError:
        return
    first = next(iter(found.owners.values()))[0]
    assert len(first.owner.service) <= 300
    assert len(first.owner.process) <= 300
    assert 0 <= first.sockets <= 2**32
    assert 0 <= first.seconds_ago <= 3_600
    assert 0 <= (first.closed or 0) <= 2**32


@given(st.binary())
def test_any_bytes(body: bytes) -> None:
    """Arbitrary bytes lead to nothing but a refusal."""
    with pytest.raises(ValueError, match="no status document"):
        parse_remembered(body, URL)
