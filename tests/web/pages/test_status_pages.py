"""The status page over HTTP: headers, cache, namespaces, files."""

import gzip

import pytest
from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.web.pages.routes import Router, build_router
from tests.web.harness import FakeDocuments, FakeStatus, Serving, get, registry_of, two_families


def serving(status: FakeStatus) -> Serving:
    def router(log: FilteringBoundLogger) -> Router:
        return build_router(
            telemetry_path="/metrics",
            registry=registry_of(two_families),
            unready=lambda: None,
            status=status,
            documents=FakeDocuments(),
            max_requests=1,
            log=log,
        )

    return Serving(router=router)


def test_page() -> None:
    """The page is HTML that may not be cached, framed or fed from elsewhere."""
    with serving(FakeStatus()) as server:
        reply = get(server.address, "/")
    assert reply.status == 200
    assert reply.body == b"page of None"
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-content-type-options"] == "nosniff"
    policy = dict(
        part.split(" ", 1) for part in reply.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in reply.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "body"), [("/api/v1/status", b"{}"), ("/api/v1/incidents", b"[]")]
)
def test_documents(path: str, body: bytes) -> None:
    """The documents are JSON that may not be cached."""
    with serving(FakeStatus()) as server:
        reply = get(server.address, path)
    assert (reply.status, reply.body) == (200, body)
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-store"


def test_gzip() -> None:
    """A client that accepts gzip gets it, from the same rendering as one that does not."""
    status = FakeStatus()
    with serving(status) as server:
        reply = get(server.address, "/", "Accept-Encoding: gzip")
        assert get(server.address, "/").body == b"page of None"
    assert status.made == ["page of None"]
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(reply.body) == b"page of None"


def test_file() -> None:
    """A file may be cached for ever: its path changes with its content."""
    with serving(FakeStatus()) as server:
        reply = get(server.address, "/static/a.0123.css")
        missing = get(server.address, "/static/a.4567.css")
    assert (reply.status, reply.body) == (200, b"* {}")
    assert reply.headers["content-type"] == "text/css"
    assert "immutable" in reply.headers["cache-control"]
    assert missing.status == 404


def test_once_for_a_sample() -> None:
    """However many ask, a page is made once per sample."""
    status = FakeStatus()
    with serving(status) as server:
        for _ in range(3):
            get(server.address, "/")
        status.number += 1
        get(server.address, "/")
    assert status.made == ["page of None"] * 2


@pytest.mark.parametrize(
    ("query", "made"),
    [
        ("?netns=host", "page of host"),
        ("?netns=gone", "page of "),
        ("?netns=%3Cscript%3E", "page of "),
        ("?netns=", "page of None"),
        ("?x=1", "page of None"),
    ],
)
def test_namespace(query: str, made: str) -> None:
    """The query chooses a namespace; all that do not exist share one page."""
    status = FakeStatus()
    with serving(status) as server:
        get(server.address, f"/{query}")
    assert status.made == [made]
