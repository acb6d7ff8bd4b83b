"""The status page over HTTP, about what a test says is known, and a browser tab on it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page
from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.pages.docs.source import DocumentSource
from tcp_pressure_exporter.pages.snapshot import Snapshot
from tcp_pressure_exporter.pages.status.source import StatusSource
from tcp_pressure_exporter.web.pages.routes import Router, build_router
from tests.web.harness import Serving, registry_of, two_families

LINKS = {
    "metrics": "/metrics",
    "json": "/api/v1/status",
    "incidents": "/api/v1/incidents",
    "documents": "/docs/",
    "healthy": "/-/healthy",
    "ready": "/-/ready",
}
REFUSED = re.compile("ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE")


class ServedStatus:
    """Serves the pages of `known`, which a test may replace at any time."""

    def __init__(self, known: Snapshot) -> None:
        self.known = known
        self.serving = Serving(router=self._router)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.serving.address[1]}/"

    def _router(self, log: FilteringBoundLogger) -> Router:
        status = StatusSource(lambda: self.known, LINKS)
        return build_router(
            telemetry_path="/metrics",
            registry=registry_of(two_families),
            unready=lambda: None,
            status=status,
            documents=DocumentSource(status.styles, status.icon),
            max_requests=40,
            log=log,
        )


@contextmanager
def served(known: Snapshot) -> Iterator[ServedStatus]:
    status = ServedStatus(known)
    with status.serving:
        yield status


@contextmanager
def tab(browser: Browser, url: str, *, may_lose: bool = False, **options: Any) -> Iterator[Page]:
    """Open a tab; whatever the browser complains about fails the test.

    may_lose: the server goes away, which the browser writes to its console.
    """
    complaints: list[str] = []
    context = browser.new_context(**options)
    try:
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(f"{request.failure}"))
        page.goto(url)
        yield page
    finally:
        context.close()
    assert [c for c in complaints if not (may_lose and REFUSED.search(c))] == []
