"""The documents over HTTP: paths, headers, one rendering each."""

import gzip

from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.web.pages.routes import Router, build_router
from tests.web.harness import (
    FakeDocuments,
    FakeStatus,
    Serving,
    get,
    registry_of,
    two_families,
)


def serving(documents: FakeDocuments) -> Serving:
    def router(log: FilteringBoundLogger) -> Router:
        return build_router(
            telemetry_path="/metrics",
            registry=registry_of(two_families),
            unready=lambda: None,
            status=FakeStatus(),
            documents=documents,
            max_requests=1,
            log=log,
        )

    return Serving(router=router)


def test_each_is_at_its_path() -> None:
    """The list is at '/docs/', a document at its path below; nothing else is there."""
    with serving(FakeDocuments()) as server:
        asked = ("/docs/", "/docs/a.md", "/docs/runbooks/b.md", "/docs/c.md", "/docs/../a.md")
        replies = [get(server.address, path) for path in asked]
    assert [reply.status for reply in replies] == [200, 200, 200, 404, 404]
    assert replies[0].body == b"document "
    assert replies[2].body == b"document runbooks/b.md"


def test_the_list_is_a_folder() -> None:
    """Without the slash relative links would miss the folder, so the browser is sent to it."""
    with serving(FakeDocuments()) as server:
        reply = get(server.address, "/docs")
    assert reply.status == 200
    assert b'content="0; url=docs/"' in reply.body


def test_as_protected_as_the_status_page() -> None:
    """It may not be cached, framed or fed from elsewhere: the headers are those of '/'."""
    with serving(FakeDocuments()) as server:
        page, status = (get(server.address, path).headers for path in ("/docs/a.md", "/"))
    for headers in (page, status):
        del headers["content-length"], headers["date"]
    assert page == status


def test_made_once() -> None:
    """However many ask, for gzip or not, a document is rendered once."""
    documents = FakeDocuments()
    with serving(documents) as server:
        plain = get(server.address, "/docs/a.md")
        packed = get(server.address, "/docs/a.md", "Accept-Encoding: gzip")
        get(server.address, "/docs/runbooks/b.md")
        get(server.address, "/docs/a.md")
    assert gzip.decompress(packed.body) == plain.body == b"document a.md"
    assert documents.made == ["a.md", "runbooks/b.md"]
