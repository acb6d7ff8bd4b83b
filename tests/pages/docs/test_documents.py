"""The shipped documents as pages: all are there, and every link leads somewhere."""

from posixpath import dirname, join, normpath
from urllib.parse import urlsplit

import pytest

from tcp_pressure_exporter.pages.docs.source import INDEX, DocumentSource
from tests.deploy.rule_files import alerts, runbook
from tests.pages.status.chromium import running_browser
from tests.pages.status.html_outline import Outline
from tests.pages.status.served_status import served, tab
from tests.pages.status.snapshots import CALM_HOST, snapshot
from tests.pages.status.test_browser import PHONE, violations
from tests.support.places import DOCS

FILES = ("/static/docs.0123.css", "/static/icon.4567.svg")
SOURCE = DocumentSource(FILES[:1], FILES[1])
PAGES = {name: Outline(SOURCE.page(name)) for name in SOURCE.names}


def test_every_document_is_shipped() -> None:
    """Each file of docs/ and docs/runbooks/ has a page, and the list leads to all of them."""
    files = [*DOCS.glob("*.md"), *DOCS.glob("runbooks/*.md")]
    paths = {path.relative_to(DOCS).as_posix() for path in files}
    assert set(SOURCE.names) == {INDEX, *paths}
    assert {link["href"] for link in PAGES[INDEX].all("a")} >= paths


@pytest.mark.parametrize("name", SOURCE.names)
def test_every_link_leads_somewhere(name: str) -> None:
    """Relative links lead to pages, headings in them, the style sheet and the status page."""
    here = join("docs", name)
    for tag, attributes in PAGES[name].elements:
        target = attributes.get("href")
        if target is None or (tag == "a" and urlsplit(target).scheme):
            continue
        assert not target.startswith("/")
        path = normpath(join(dirname(here), urlsplit(target).path)) if target[0] != "#" else here
        if path == "." or f"/{path}" in FILES:
            continue
        page = PAGES[path.removeprefix("docs").lstrip("/")]
        assert not (anchor := urlsplit(target).fragment) or anchor in page.ids(), target


@pytest.mark.parametrize("name", alerts())
def test_each_alert_leads_to_its_section(name: str) -> None:
    """With DOCS_URL set to an exporter's own /docs, a runbook_url is a heading that it serves."""
    path, _, anchor = runbook(alerts()[name]).removeprefix("docs/").partition("#")
    assert anchor in PAGES[path].ids()


@pytest.mark.parametrize("name", [INDEX, "metrics.md", "runbooks/pools.md"])
def test_accessible_and_not_too_wide(name: str) -> None:
    """axe-core finds nothing, all the page's files load, and nothing is wider than a phone."""
    with (
        running_browser() as browser,
        served(snapshot(CALM_HOST)) as status,
        tab(browser, f"{status.url}docs/{name}", viewport=PHONE) as page,
    ):
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        page.get_by_role("link", name="TCP pressure").click()
        assert page.url == status.url
